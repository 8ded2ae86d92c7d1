#pragma once

#include <map>
#include <variant>

#include "common/rpc/attachment.h"
#include "common/rpc/message.h"

namespace subunit {

/// The client's half of one conversation with one test server.
///
///     ClientSession session;
///     session.hello();                                   // then write session.pending_output()
///     session.receive(packet)                            // Opened
///     auto nonce = session.run(TestIds{{"a.test"}});
///     session.receive(packet)                            // NotMessage: results
///     session.receive(packet)                            // Answered{nonce}
///     session.goodbye();
///
/// Packets come from a Decoder; bytes to send pile up in pending_output() until consume_output().
class ClientSession {
 public:
  enum class State {
    kIdle,       ///< nothing said yet
    kHelloSent,  ///< waiting for the server's Hello
    kOpen,       ///< a version is agreed on; lists and runs may be sent
    kClosing,    ///< Goodbye said; the server may still finish what it was doing
    kClosed,     ///< the stream ended after Goodbye
    kFailed,     ///< the stream ended before, or the server broke the protocol
  };

  struct NotMessage {};             ///< the packet is no RPC message: a result, an announcement
  struct Incomplete {};             ///< a piece of a message
  struct Opened { int version; };   ///< the server's Hello, and the version to speak
  struct Answered { std::string nonce; };  ///< Done for a list or a run
  using Event = std::variant<NotMessage, Incomplete, Opened, Answered>;

  explicit ClientSession(VersionRange versions = kSupportedVersions) : versions_(versions) {}

  // What the caller says. A call that the state does not allow is the caller's bug (assertion).
  void hello();
  /// Returns the nonce that the answer will carry. An Error if an id is not UTF-8.
  [[nodiscard]] Result<std::string> list(TestIds tests);
  [[nodiscard]] Result<std::string> run(TestIds tests);
  void goodbye();

  /// An Error is the server's fault: not its Hello first, no version in common, a Done for no
  /// outstanding nonce, a message only clients send, a malformed one. The session is then kFailed.
  [[nodiscard]] Result<Event> receive(const Packet& packet);

  /// The stream from the server ended. An Error if that was too early: it says what was missing.
  [[nodiscard]] Result<> receive_eof();

  [[nodiscard]] Bytes pending_output() const { return output_; }
  void consume_output(std::size_t size);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool outstanding(std::string_view nonce) const;
  [[nodiscard]] std::size_t outstanding() const;

 private:
  // implementation's own
  State state_ = State::kIdle;
  VersionRange versions_;
  Buffer output_;
};

}  // namespace subunit
