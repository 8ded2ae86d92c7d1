#pragma once

#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/time.h"
#include "common/link/frame/frame.h"

namespace subunit::link {

/// The body of a kHello frame, big-endian; more may follow in later versions:
///
///     VERSION(1) FLAGS(1) NONCE(3) OTHER(3) RATE(4)
struct Hello {
  static constexpr std::uint8_t kVersion = 1;

  bool raw = false;                    // flag 1: the terminal at this end is in raw mode
  bool may_upgrade = false;            // flag 2: takes the denser code
  std::uint32_t nonce = 0;             // not 0
  std::uint32_t other = 0;             // the nonce of the one who is answered; 0: nobody
  std::uint32_t bytes_per_second = 0;  // of the line; 0: not known

  void encode(Buffer& out) const;

  /// Nothing if it is none.
  [[nodiscard]] static std::optional<Hello> decode(Bytes body);
};

/// What names the session of these two in each of its frames. Never 0.
[[nodiscard]] std::uint32_t session_id(std::uint32_t serve_nonce, std::uint32_t client_nonce);

/// The handshake: who the two ends are, and which frames are theirs.
///
/// The serve end calls until it is answered. The client end answers the hellos that it hears, the
/// latest of them again and again, until a frame of the session shows that it was heard. So a hello
/// of an earlier session that stands in a terminal's scrollback is answered in vain, once.
class Handshake {
 public:
  static constexpr Time kHelloInterval = std::chrono::seconds(1);

  /// A session in which another one's hellos go on for so long, and nothing else, is over.
  static constexpr Time kDoubtTimeout = std::chrono::seconds(5);

  enum class Heard {
    kMalformed,  ///< this was no hello
    kNothing,    ///< nothing new
    kOpened,     ///< the session is there
    kSession,    ///< a hello of this session, which the other end is in
    kDoubt,      ///< one of another session: is the other end still in ours?
    kReplaced,   ///< it is not
  };

  /// `own`: what this end says of itself.
  Handshake(bool serve, const Hello& own);

  // Frames from the other end.
  [[nodiscard]] Heard hear_hello(Bytes body, Time now);
  /// Whether another frame is one of the session, which may be there by that.
  [[nodiscard]] bool hear(std::uint32_t session);

  [[nodiscard]] bool heard_hello() const { return heard_hello_; }
  [[nodiscard]] bool open() const { return state_ == State::kOpen; }
  /// Once open: what the other end has said of itself.
  [[nodiscard]] const Hello& other() const { return other_; }
  /// For frames; 0 if there is no session.
  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] std::uint32_t nonce() const { return own_.nonce; }

  // Hellos to the other end.
  [[nodiscard]] bool hello_due() const { return due_; }
  [[nodiscard]] Hello hello() const;
  void hello_sent(Time now);
  /// Hellos were sent, and nothing came back at all; once for some of them.
  [[nodiscard]] bool unheard();
  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);

 private:
  enum class State { kCalling, kListening, kAnswering, kOpen };

  [[nodiscard]] Heard hear_answer(const Hello& hello);
  [[nodiscard]] Heard hear_call(const Hello& hello);
  [[nodiscard]] Heard hear_in_session(const Hello& hello, Time now);
  [[nodiscard]] std::uint32_t id_with(const Hello& other) const;
  void open_with(const Hello& other);

  const bool serve_;
  const Hello own_;
  State state_;
  std::vector<Hello> callers_;  // that were heard, the latest first
  Hello other_;
  std::uint32_t id_ = 0;
  bool heard_hello_ = false;
  bool due_;
  int unheard_ = 0;
  Time sent_at_{0};
  std::optional<Time> doubt_since_;
};

}  // namespace subunit::link
