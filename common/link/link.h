#pragma once

// The life of a session
//
//   opening --> open --> complete    both streams have arrived, and both ends know it
//      |         |
//      +---------+-----> dead        silence, a reset, the other end started anew, the line ended
//      +---------+-----> abandoned   this end has given up
//
// A console is not a connection. Nothing opens or closes it, and neither end is told that the other
// one is there. What is read may come from the other end, from an earlier session by way of a
// terminal's scrollback, from this end itself as an echo, or from a shell that knows nothing of us.
// A session is what two ends agree on, so that their streams have a beginning and an end.
//
// Opening. The obvious way is that of TCP: the client calls, the server answers. But the client is
// often there first, and what it says would be typed into a login prompt or run by a shell. So the
// serve end says hello, and again each second, since nobody may listen yet; the client is silent
// until it hears that. A fixed hello would not do either: a scrollback repeats it, and the client
// would talk to a server that ended an hour ago. So each end draws a nonce. The serve end is in
// session with the client that repeats its nonce, the client when it hears a frame whose session
// number is made of both. A hello from a scrollback is answered like any other, but in vain: nobody
// knows its nonce any more, and the true hello comes again a second later. That is why the client
// remembers several hellos, and not only the last one.
//
// Open. There is no signal that the other end has gone, only silence, which has four meanings:
// nothing is to be said, the line was stopped by an XOFF, the line loses everything, nobody is
// there. They look the same at first, so there is an answer to each in turn: a ping after 3 s, an
// XON after two time-outs, and Dead after 30 s. A new hello within a session proves nothing, since
// it may be an old one: the other end is pinged, and only if the hellos go on while no frame of the
// session comes is it taken to have started anew. And since acknowledgements share the line with
// everything else, the line is always read: an end that stopped reading while its owner is slow
// would miss the very frames that let it send, and two such ends would wait for each other. Payload
// that is not wanted waits inside instead, within the room that the other end was told of.
//
// Closing. The obvious way is to say 'finished', and to leave when the other end has said so too.
// But the end that speaks last cannot know that it was heard. If it was not, and is gone, the other
// end repeats its last frames to a shell, until it takes the session for dead, and reports a
// failure although nothing was lost. So the end of a stream has a sequence number and is sent again
// like payload, and when both streams are there an end says that as well. An end that has said and
// heard it leaves. One that has said it and not heard it stays as long as the other end would need
// to ask again (TIME-WAIT), and answers even after that, as long as its owner lets it write. And if
// that last word is all that is missing, silence or the end of the line is an orderly end.
//
// Everything else is Dead, with one reason, once: a stream that might be incomplete never looks as
// if it were whole.

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "../base/time.h"
#include "reader/frame_reader.h"

namespace subunit::link {

/// What a Link needs to know of its place.
struct LinkOptions {
  Frame::Direction sends = Frame::Direction::kToServe;  ///< which end this is
  std::uint32_t nonce = 0;                              ///< 24 random bits
  double bytes_per_second = 0;  ///< what the line takes; 0: whatever it takes
  bool may_upgrade = true;      ///< to the denser code, where the line lets it pass
  bool raw = true;              ///< the terminal at this end, if there is one, is in raw mode
};

/// One end of the console link: a stream of bytes in each direction, exactly, across a line that
/// echoes, wraps, loses, doubles and adds bytes.
///
///     link.receive(bytes, now);  // or receive_eof(), or tick() when next_deadline() is due
///     while (auto event = link.next_event()) ...
///     while (writable && !link.pending_output(now).empty()) {
///       write(link.pending_output(now));  // one write(); what the kernel leaves comes before more
///       link.consume_output();
///     }
///
/// Events and output may be there after any call of anything here; what was received is looked at
/// by next_event() only.
///
/// The serve end says hello, again each second, until a client answers. The client end says nothing
/// before that, so it may listen to a line that speaks another protocol. See LINK.md.
class Link {
 public:
  /// The session is there: payload may travel.
  struct Opened {};
  /// The other end's stream, in order and once.
  struct Payload {
    Bytes bytes;
  };
  /// What else the line carried, in order. The pieces of a stale frame or an echo are none.
  using Noise = LineNoise;
  /// The other end sends no more payload.
  struct Finished {};
  /// Both ends have finished, and know it. Nothing but noise comes after this.
  struct Closed {};
  /// No orderly end: nothing has come for kDeadTimeout, the other end has started again, has given
  /// up, or does not confirm what is sent again and again, or the line has ended. Nothing but noise
  /// comes after this.
  struct Dead {
    std::string reason;
  };
  /// The line sends back what is sent into it. `here`: at this end, says the other. Once each.
  struct Echo {
    bool here;
  };
  using Event = std::variant<Opened, Payload, Noise, Finished, Closed, Dead, Echo>;

  static constexpr Time kHelloInterval = std::chrono::seconds(1);
  static constexpr Time kPingInterval = std::chrono::seconds(3);
  static constexpr Time kDeadTimeout = std::chrono::seconds(30);

  struct Statistics {
    FrameReader::Counts reader;
    std::uint64_t frames_sent = 0;
    std::uint64_t retransmitted = 0;
    std::uint64_t duplicates = 0;     ///< frames that had come already
    std::uint64_t stale = 0;          ///< frames of another session
    std::uint64_t echoes = 0;         ///< frames of ours that came back
    std::uint64_t text_noise = 0;     ///< bytes
    std::uint64_t damaged_noise = 0;  ///< bytes
    std::uint64_t frame_bytes = 0;    ///< bytes that were no noise, nor of a test
    std::uint64_t line_bytes_sent = 0;
    std::uint64_t line_bytes_received = 0;
    std::uint64_t payload_sent = 0;            ///< acknowledged bytes
    std::uint64_t payload_received = 0;        ///< bytes
    double bytes_per_second = 0;               ///< what both ends keep to; 0: whatever comes
    bool dense_out = false, dense_in = false;  ///< the denser code is in use
  };

  explicit Link(const LinkOptions& options);
  Link(Link&&) noexcept;
  Link& operator=(Link&&) noexcept;
  ~Link();

  // From the line.
  void receive(Bytes bytes, Time now);
  void receive_eof(Time now);
  /// Opened and Echo come before payload, Finished, Closed and Dead behind all that has come in
  /// order, and so not while that is not wanted; over() says so before. Views are valid until the
  /// next call of anything here.
  [[nodiscard]] std::optional<Event> next_event();
  /// While false, payload waits inside, within the room that the other end was told of. Noise comes
  /// all the same, and must be taken: confirmations come with it. True at first.
  void want_payload(bool wanted);

  // To the line.
  /// Queues payload. Hold back while queued() is more than what the line takes in a moment.
  void send(Bytes payload);
  /// Payload that was not sent for the first time yet.
  [[nodiscard]] std::size_t queued() const;
  /// All payload has arrived, as far as it was sent to here.
  [[nodiscard]] bool idle() const;
  /// The payload ends behind what is queued.
  void finish();
  /// Tells the other end, if there is a session, that there will be none any more; one frame, which
  /// may be lost. Then nothing comes out of here any more.
  void abandon(std::string_view why);
  /// What is to be written now, with one write(); empty: nothing, until next_deadline() at least.
  /// The same until consume_output(), whatever happens in between, or until over().
  [[nodiscard]] Bytes pending_output(Time now);
  void consume_output();

  /// When to call tick(), and look at pending_output(), if nothing happens before.
  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);

  /// The other end has said hello, in this protocol.
  [[nodiscard]] bool heard_hello() const;
  /// Closed or Dead, or abandoned. After Closed there may still be output: the other end asks for
  /// its last confirmation again.
  [[nodiscard]] bool over() const;
  [[nodiscard]] Statistics statistics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace subunit::link
