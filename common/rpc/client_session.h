#pragma once

#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "attachment.h"
#include "message.h"

namespace subunit::rpc {

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
    kLeaving,    ///< Goodbye said without waiting for the server's Hello
    kClosing,    ///< Goodbye said; the server may still finish what it was doing
    kClosed,     ///< the stream ended after Goodbye
    kFailed,     ///< the stream ended before, or the server broke the protocol
  };

  /// The packet is no RPC message but a result, an announcement, or something else.
  struct NotMessage {};
  /// The packet is a piece of a message.
  struct Incomplete {};
  /// The server's Hello came: the version to speak.
  struct Opened {
    int version;
    int batch = 1;  ///< how many tests it would like in one run; 1 if it does not say
  };
  /// Done came for a list or a run.
  struct Answered {
    std::string nonce;
  };
  /// Error came (version 2): in place of Done where there is a nonce.
  struct Failed {
    std::optional<std::string> nonce;
    std::string text;
  };
  /// Pong came (version 2).
  struct Ponged {
    std::string nonce;
  };
  using Event = std::variant<NotMessage, Incomplete, Opened, Answered, Failed, Ponged>;

  /// `route`: the route code of what is said, where a proxy tells several servers apart by it.
  explicit ClientSession(VersionRange versions = kSupportedVersions,
                         std::optional<std::string> route = std::nullopt)
      : versions_(versions), outbox_(std::move(route)) {}

  // What the caller says. A call that the state does not allow is the caller's bug (assertion).

  /// In kIdle.
  void hello();
  /// In kOpen. Returns the nonce that the answer will carry. An Error, and nothing said, as
  /// to_json() and encode_attachment().
  [[nodiscard]] Result<std::string> list(TestIds tests);
  [[nodiscard]] Result<std::string> run(TestIds tests);
  /// In kOpen and version 2: gives up an outstanding list or run. Its answer still comes.
  void cancel(const std::string& nonce);
  /// In kOpen and version 2. Returns the nonce that Ponged will have.
  std::string ping();
  /// In kHelloSent or kOpen.
  void goodbye();

  /// An Error is the server's fault: not its Hello first, no version in common, a Done, Error or
  /// Pong for no outstanding nonce, a message only clients send, one of version 2 where version 1
  /// was agreed on, a malformed one. The session is then kFailed, and every further message an
  /// Error.
  [[nodiscard]] Result<Event> receive(const Packet& packet);

  /// The stream from the server ended. An Error if that was too early: it says what was missing.
  /// After Goodbye it is not, whatever is outstanding, nor is it news once the session has failed.
  [[nodiscard]] Result<> receive_eof();

  [[nodiscard]] Bytes pending_output() const { return outbox_.pending(); }
  void consume_output(std::size_t size) { outbox_.consume(size); }

  [[nodiscard]] State state() const { return state_; }
  /// The version agreed on; 0 before Opened.
  [[nodiscard]] int version() const { return version_; }
  [[nodiscard]] bool outstanding(std::string_view nonce) const;
  [[nodiscard]] std::size_t outstanding() const { return outstanding_.size(); }

 private:
  enum class Step { kSayHello, kHearHello, kAsk, kHearAnswer, kSayGoodbye, kHearEof, kFail };

  bool go(Step step);  // false, and nothing changed, if the state does not allow it
  void say(Step step, const Message& message);
  [[nodiscard]] std::string next_nonce() const { return std::to_string(asked_ + 1); }
  Result<std::string> ask(const Message& question);
  Result<Event> hear(std::string_view json);
  Result<Event> hear(const Hello& hello);
  Result<Event> hear(const Done& done);
  Result<Event> hear(ErrorMessage& failure);
  Result<Event> hear(const Pong& pong);
  Result<> take_answer(std::string_view message, const std::string& nonce);
  Result<Event> hear_client_message() const;

  VersionRange versions_;
  State state_ = State::kIdle;
  int version_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t pinged_ = 0;
  std::set<std::string, std::less<>> outstanding_;  // nonces
  std::set<std::string, std::less<>> pings_;        // nonces that no Pong has come for
  AttachmentAssembler assembler_;
  Outbox outbox_;
};

}  // namespace subunit::rpc
