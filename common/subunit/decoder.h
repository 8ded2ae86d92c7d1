#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "../base/receive_buffer.h"
#include "../base/time.h"
#include "packet.h"

namespace subunit {

class RangeIndex;
enum class Check;

/// A run of bytes that belong to no packet.
struct Noise {
  Bytes bytes;
};

/// Finds subunit packets in a stream of bytes that also carries other things.
///
/// A packet is accepted wherever it starts. The signature byte only nominates a candidate: version,
/// reserved bit, length, every field and the CRC decide, each as soon as its bytes are there. After
/// a candidate that turns out false the search goes on one byte behind its signature. Every byte
/// that was received comes out exactly once, in order: in one packet, or in one piece of noise. The
/// exception is what skip_line_feeds() tells of.
///
///     auto room = decoder.prepare(4096);
///     decoder.commit(read(fd, room.data(), room.size()), now);
///     while (auto event = decoder.next_event()) …
///
/// The views of all events taken since the last call of any other function stay valid until the
/// next such call; adjacent events are adjacent in memory, so a run of packets can be written out
/// in one piece.
class Decoder {
 public:
  using Event = std::variant<Packet, Noise>;

  /// A false candidate can claim up to 4 MiB. If nothing has come for this long, and a whole packet
  /// is waiting behind the candidate, then the candidate was false. A person does not notice the
  /// delay. A packet that trickles in over a slow line, even with pauses, is not cut, since nothing
  /// waits behind it; the exception is one with whole packets inside of its attachment.
  static constexpr Time kStallTimeout = std::chrono::milliseconds(200);

  /// Noise comes in pieces of at most this size.
  static constexpr std::size_t kMaxNoise = 65536;

  /// `capacity`: bytes of buffer to start with; it grows up to about twice kMaxPacketSize while a
  /// packet needs that. The larger, the fewer reads for bulk data.
  explicit Decoder(std::size_t capacity = 65536);
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  /// All the room there is to read into, at least `least` bytes. Take all events first.
  [[nodiscard]] std::span<std::uint8_t> prepare(std::size_t least) {
    return buffer_.prepare(least);
  }

  /// `size` bytes have come into what prepare() gave.
  void commit(std::size_t size, Time now);

  /// For bytes that are somewhere else: prepare(), copy, commit().
  void receive(Bytes bytes, Time now);

  /// Nothing more will come: what could still have become a packet is noise.
  void receive_eof();

  /// Takes the place of kStallTimeout from the next bytes on: longer for a line that stalls and
  /// hardly carries anything but packets.
  void set_stall_timeout(Time timeout) { stall_timeout_ = timeout; }

  /// From now on a line feed right behind a packet is its end, and no noise: who writes here ends
  /// lines for those on the way who pass on whole lines only. May be called between two events.
  void skip_line_feeds() { skips_line_feeds_ = true; }
  /// Whether one was skipped: the other side knows of them.
  [[nodiscard]] bool skipped_line_feed() const { return skipped_line_feed_; }

  /// The caller has not read for a while, and does so again: silence counts from now.
  void resume(Time now);

  [[nodiscard]] std::optional<Event> next_event();

  /// When to call tick() if nothing comes before; nothing while no candidate is open.
  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);

  /// Bytes received that have not come out as events yet.
  [[nodiscard]] std::size_t pending() const { return buffer_.held().size(); }

 private:
  Check inspect(Bytes candidate, Packet& packet);
  void skip_to_signature(Bytes held);
  void skip_line_feed();
  Event take_noise(std::size_t size);
  void consume(std::size_t size);
  [[nodiscard]] std::uint64_t position() const { return received_ - buffer_.held().size(); }
  [[nodiscard]] std::optional<std::size_t> packet_behind_candidate();

  ReceiveBuffer buffer_;
  std::uint64_t received_ = 0;  // bytes since the start

  // What is held starts with noise_ bytes of noise; a candidate, if any, stands behind them.
  std::size_t noise_ = 0;
  std::size_t needed_ = 0;  // size at which to look at the candidate again; 0: none is open
  std::size_t abandoned_before_ = 0;  // candidates that start before this are not waited for
  std::optional<Packet> checked_;     // the candidate turned out true, but the noise goes first
  bool skips_line_feeds_ = false;
  bool skipped_line_feed_ = false;
  bool behind_packet_ = false;  // nothing has come out since the last packet
  Time stall_timeout_ = kStallTimeout;
  std::optional<Time> stalls_at_;

  // Bytes looked at in candidates that came to nothing. While this stays below what was received,
  // looking is cheap enough; above it, the index answers instead, which is there from then on.
  std::uint64_t wasted_ = 0;
  std::unique_ptr<RangeIndex> index_;
};

}  // namespace subunit
