#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "attachment.h"
#include "message.h"

namespace subunit::rpc {

/// The test server's half of one conversation with one client: what a test runner needs in order to
/// be asked again and again.
///
///     ServerSession session;
///     session.receive(packet)     // Opened; then write session.pending_output(), as always
///     session.receive(packet)     // RunAsked{tests, nonce}
///     …                           // run them, and write a normal subunit stream
///     session.done(nonce);
///     session.receive(packet)     // GoodbyeSaid: clean up and end
///
/// Packets come from a Decoder; bytes to send pile up in pending_output() until consume_output().
/// The runner's own packets travel beside them: those that answer a request go out before its Done.
class ServerSession {
 public:
  enum class State {
    kWaiting,  ///< for the client's Hello
    kOpen,     ///< a version is agreed on; lists and runs may come
    kClosing,  ///< Goodbye or the end came: nothing more will be asked
    kFailed,   ///< the client broke the protocol
  };

  /// The packet is no RPC message.
  struct NotMessage {};
  /// The packet is a piece of a message.
  struct Incomplete {};
  /// The client's Hello came, and our own is on its way: the version to speak.
  struct Opened {
    int version;
  };
  /// Say which of `tests` exist, each with status kExists, then done(nonce).
  struct ListAsked {
    TestIds tests;
    std::string nonce;
  };
  /// Run `tests`, then done(nonce). Every id is owed a final status, an unknown one a failure.
  struct RunAsked {
    TestIds tests;
    std::string nonce;
  };
  /// Nothing more will be asked, and no answer to this is allowed: clean up and end.
  struct GoodbyeSaid {};
  /// Stop working on the request with this nonce as soon as possible, then done(nonce). It may not
  /// be outstanding any more: then there is nothing to do (version 2).
  struct CancelAsked {
    std::string nonce;
  };
  /// Ping came; our Pong is on its way (version 2).
  struct Pinged {};
  using Event = std::variant<NotMessage, Incomplete, Opened, ListAsked, RunAsked, GoodbyeSaid,
                             CancelAsked, Pinged>;

  /// `output` and `batch` are what our Hello says of them, if anything: kSettledOutput from a
  /// server that waits until what was printed has been read (PROTOCOL.md, section "What the tests
  /// print"), and how many tests a server that starts a process for each Run would like in one.
  explicit ServerSession(VersionRange versions = kSupportedVersions,
                         std::optional<std::string> output = std::nullopt,
                         std::optional<int> batch = std::nullopt)
      : hello_{versions, std::move(output), batch} {}

  /// An Error is the client's fault: not its Hello first, no version in common (our own Hello is
  /// still sent, so that the client can name both ranges), a nonce that is outstanding already, a
  /// request after Goodbye, a message only servers send, one of version 2 where version 1 was
  /// agreed on, a malformed one. The session is then kFailed, and every further message an Error.
  [[nodiscard]] Result<Event> receive(const Packet& packet);

  /// The stream from the client ended: nothing more will be asked, and what is outstanding may
  /// still be answered. An Error if neither Goodbye nor another Error went before.
  [[nodiscard]] Result<> receive_eof();

  /// Everything that was asked under `nonce` is answered. Anything but an outstanding nonce is the
  /// caller's bug (assertion).
  void done(std::string_view nonce);

  /// The request under `nonce`, which is outstanding, could not be carried out, and why. In
  /// version 1, which has no words for that, it is the same as done().
  void failed(std::string_view nonce, std::string text);

  [[nodiscard]] Bytes pending_output() const { return outbox_.pending(); }
  void consume_output(std::size_t size) { outbox_.consume(size); }

  [[nodiscard]] State state() const { return state_; }
  /// The version agreed on; 0 before Opened.
  [[nodiscard]] int version() const { return version_; }
  [[nodiscard]] bool outstanding(std::string_view nonce) const;
  [[nodiscard]] std::size_t outstanding() const { return outstanding_.size(); }

 private:
  enum class Step { kHearHello, kHearRequest, kHearGoodbye, kHearEof, kFail };

  bool go(Step step);  // false, and nothing changed, if the state does not allow it
  void say(const Message& message);
  Result<Event> hear(std::string_view json);
  Result<Event> hear_hello(VersionRange theirs);
  Result<Event> hear_request(std::string_view name, const std::string& nonce, Event event);
  Result<Event> hear_goodbye();
  Result<Event> hear_cancel(Cancel& cancel);
  Result<Event> hear_ping(Ping& ping);
  std::string take_outstanding(std::string_view nonce);

  Hello hello_;  // ours
  State state_ = State::kWaiting;
  int version_ = 0;
  std::set<std::string, std::less<>> outstanding_;  // nonces
  AttachmentAssembler assembler_;
  Outbox outbox_;
};

}  // namespace subunit::rpc
