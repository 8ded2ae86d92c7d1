#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/link/link.h"
#include "proxy/channel/line_options.h"
#include "proxy/io/stream.h"

namespace proxy {

/// The console link on a line: two descriptors, of a terminal or of pipes to one. What its owner
/// writes and reads goes through two pipes, as if there were no link.
///
/// The line is read all the time, whatever becomes of what was read: so there is always room for
/// an acknowledgement, and the two ends cannot wait for each other. How much payload may come is
/// said over the link. Each frame is one write(), when nothing is queued any more: a kernel prints
/// its lines between two writes.
class LinkRelay {
 public:
  struct Events {
    std::function<void(subunit::Bytes)> arrived = {};  ///< all that the line carries, at once
    std::function<void(subunit::Bytes)> noise;  ///< what of it is no frame, once that is sure
    std::function<void()> turned;               ///< all that came with one read has been handed out
    std::function<void()> opened;               ///< the session is there; once
    std::function<void(bool here)> echoed;      ///< as Link::Echo
    /// The link is over, and problem() says whether that is as it should be. The pipes are closed,
    /// behind what came; the line goes on to be read for noise. Once, and not after abandon().
    std::function<void()> ended;
    std::function<void()> line_ended;  ///< nothing more can come over the line; once
  };

  /// Does nothing until listen().
  LinkRelay(uv_loop_t& loop, Fd from_line, Fd to_line, const subunit::link::LinkOptions& options,
            Events events);

  void listen() { from_line_.resume(); }

  /// One side's ends of the pipes: the payload that comes to it, and the one that it sends.
  struct Payload {
    Fd in;
    Fd out;
  };
  /// Reads at once what had come over the line before the call.
  void catch_up();

  /// Once; at the latest when the link has opened, from that event. The owner's pipes are as small
  /// as the line is slow: nothing waits in them for long.
  [[nodiscard]] subunit::Result<Payload> connect();

  /// The same with pipes that the owner has made: these are the relay's ends, from and to the
  /// owner.
  void connect(Payload ends);

  /// Writes text to the line, as a person would type it.
  void type(std::string_view text) { to_line_.send(subunit::as_bytes(text)); }

  /// Bytes of that, and of what else was to be written, that the line has not taken.
  [[nodiscard]] std::size_t unsent() const { return to_line_.queued(); }

  /// Before connect(): there is no link, and the owner takes the line. What was held back comes as
  /// noise before this returns. May be called from `turned`, and not from other events.
  struct Line {
    Fd in;
    Fd out;
  };
  [[nodiscard]] Line release();

  /// Before connect(), and when the noise is too much: holds the line's own flow back.
  void set_flow(bool on);

  /// Tells the other end why there will be no link any more, if the line takes that at once.
  void abandon(std::string_view why);

  /// Writes nothing more to the line, once it has what is to be said. Noise may still come.
  void finish_line();

  /// No more events. May be called from within one.
  void close();

  [[nodiscard]] bool heard_hello() const { return link_.heard_hello(); }
  [[nodiscard]] bool opened() const { return opened_at_.has_value(); }
  /// Something comes that belongs to the session of another client.
  [[nodiscard]] bool hears_another_session() const { return link_.statistics().stale > 0; }
  /// The other end has all that the owner has sent.
  [[nodiscard]] bool idle() const { return link_.idle(); }
  /// The link is over, and the line has what was to be said about that, or does not take it.
  [[nodiscard]] bool over() const;
  /// Why the link is dead. Empty while it is not, and if both ends have closed it.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] bool line_ended() const { return line_ended_; }
  /// Something may still come over the line.
  [[nodiscard]] bool line_open() const { return !line_ended_ && !closed_; }

  /// One line for a person.
  [[nodiscard]] std::string statistics() const;

 private:
  static constexpr std::size_t kReadSize = 64 << 10;

  void turn();
  void handle(const subunit::link::Link::Event& event);
  void pump();
  void read_owner();
  void end(std::string problem);
  void set_over();

  uv_loop_t& loop_;
  Events events_;
  const double bytes_per_second_;  // as far as this end knows
  subunit::link::Link link_;
  subunit::Buffer line_buffer_;
  subunit::Buffer payload_buffer_;
  Reader from_line_;
  Writer to_line_;
  Timer timer_;
  Timer farewell_timer_;
  std::optional<Reader> from_owner_;
  std::optional<Writer> to_owner_;

  bool line_flow_ = true;
  bool over_ = false;
  bool line_is_stopped_ = false;  // for too long since then
  bool finishes_line_ = false;
  bool line_ended_ = false;
  bool closed_ = false;
  std::string problem_;
  std::optional<subunit::Time> opened_at_;
  std::optional<subunit::Time> over_at_;
};

/// 24 random bits, for a session of the link.
[[nodiscard]] std::uint32_t random_nonce();

}  // namespace proxy
