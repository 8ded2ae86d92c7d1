#pragma once

#include <functional>
#include <optional>

#include "common/subunit/decoder.h"
#include "proxy/io/stream.h"

namespace proxy {

/// A Reader with a Decoder behind it.
class PacketReader {
 public:
  struct Events {
    /// The packet's views are valid until `batch` returns.
    std::function<void(const subunit::Packet&)> packet;
    std::function<void(subunit::Bytes)> noise;
    /// All that came with one read has been handed out, or pause() was called in between.
    std::function<void()> batch;
    /// End of file, or why reading failed; once, behind the last packet.
    std::function<void(subunit::Result<>)> ended;
    /// Optional. What has come until now is read when this returns.
    std::function<void()> reading = nullptr;
  };

  /// What a pipe of ours holds. Half of that costs a sixth more CPU for bulk data, and saves half a
  /// megabyte.
  static constexpr std::size_t kCapacity = 768 << 10;
  static constexpr std::size_t kMinRead = 64 << 10;

  /// For one of many readers: their memory adds up.
  static constexpr std::size_t kSmallCapacity = 128 << 10;

  /// Starts paused.
  PacketReader(uv_loop_t& loop, Fd fd, Events events, std::size_t capacity = kCapacity);
  /// Without a descriptor: what is decoded comes by feed(), until attach() gives it one.
  PacketReader(uv_loop_t& loop, Events events, std::size_t capacity = kCapacity);

  void attach(Fd fd);
  void feed(subunit::Bytes bytes);

  /// Not from within one of them.
  void set_events(Events events) { events_ = std::move(events); }

  void resume();

  /// As Decoder::set_stall_timeout().
  void set_stall_timeout(subunit::Time timeout) { decoder_.set_stall_timeout(timeout); }

  /// As Decoder::skip_line_feeds().
  void skip_line_feeds() { decoder_.skip_line_feeds(); }
  /// As Decoder::skipped_line_feed(). Of all that has come, once `batch` is called.
  [[nodiscard]] bool skipped_line_feed() const { return decoder_.skipped_line_feed(); }

  /// Takes effect at once: what has been read already is handed out after resume().
  void pause();

  /// Unless paused: reads and hands out, at once, what had come before the call.
  void catch_up();

  /// What comes from now on is another stream: what could still have become a packet is noise.
  void start_afresh();

  /// Ends the stream here, as if its end had come: hands out what has come until now, paused or
  /// not, and then events.ended.
  void cut_off();

  /// No more events. May be called from within one.
  void close();
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  void dispatch();

  uv_loop_t& loop_;
  Events events_;
  subunit::Decoder decoder_;
  bool paused_ = true;
  bool closed_ = false;
  bool dispatching_ = false;
  std::optional<subunit::Result<>> end_;
  std::optional<Reader> reader_;
  Timer stall_timer_;
  Timer resume_timer_;
};

/// Packets on their way to one Writer: neighbours in memory go out in one write.
class PacketRun {
 public:
  explicit PacketRun(Writer& to) : to_(to) {}

  void add(subunit::Bytes packet) {
    if (!run_.empty() && run_.data() + run_.size() == packet.data()) {
      run_ = {run_.data(), run_.size() + packet.size()};
    } else {
      flush();
      run_ = packet;
    }
  }

  /// To be called before anything else is written, and at the latest when the batch ends.
  void flush() {
    to_.send(run_);
    run_ = {};
  }

 private:
  Writer& to_;
  subunit::Bytes run_;
};

}  // namespace proxy
