#pragma once

// One direction of a terminal line on virtual time, as bad as one wants it.

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <string>

#include "common/base/bytes.h"
#include "common/base/time.h"

namespace subunit::link {

/// What a line does to the bytes that are written into it. Probabilities are for each byte.
struct LineFaults {
  double bytes_per_second = 0;  // 0: all at once
  std::size_t buffer = 4096;    // what a writer may be ahead
  Time delay{0};

  double loss = 0;
  double flip = 0;         // one bit of it
  double burst = 0;        // begins here: up to 40 bytes are lost or become others
  double doubled = 0;      // the last bytes, up to 200, come again
  double kernel_line = 0;  // a line that belongs to nobody comes first
  double control = 0;      // an escape sequence comes first
  bool seven_bits = false;
  bool flow_control = false;  // the terminal at its end obeys XON and XOFF, and swallows them
  bool holds_dle = false;     // 10 comes with the next byte
  bool echo = false;          // what arrives is sent back
  std::string eats = {};      // these bytes never arrive
  std::string swallows = {};  // nor does what is written at once and begins like this, if anything
  std::size_t columns = 0;    // CR LF behind so many bytes without a line end; 0: never
  enum class LineEnds { kAsTheyAre, kLfToCrLf, kLfToCr, kCrToLf, kDropped } line_ends = {};
  std::optional<std::size_t> line_at = std::nullopt;  // a kernel line before this byte, once
  std::optional<Time> stops_at = std::nullopt;        // as if XOFF had come; until released
  std::optional<Time> cut_at = std::nullopt;          // nothing that arrives from then on does
};

class LineSimulation {
 public:
  LineSimulation(const LineFaults& faults, std::uint64_t seed) : faults_(faults), random_(seed) {}

  LineFaults& faults() { return faults_; }

  void write(Bytes bytes, Time now) {
    if (!faults_.swallows.empty() && as_text(bytes).starts_with(faults_.swallows)) return;
    for (const std::uint8_t byte : bytes) pass(byte);
    depart(now);
  }

  /// Something else that the line says, without harm.
  void insert(std::string_view text, Time now) {
    append(passed_, as_bytes(text));
    foreign_ += text;
    depart(now);
  }

  /// When there is room for more.
  [[nodiscard]] Time writable_at() const {
    if (faults_.bytes_per_second == 0) return Time(0);
    return busy_until_ - time_of(faults_.buffer);
  }

  [[nodiscard]] std::optional<Time> next_arrival() const {
    if (on_the_way_.empty()) return std::nullopt;
    const Time at = on_the_way_.front().at;
    if (stopped(at)) return std::nullopt;
    return at;
  }

  [[nodiscard]] Buffer arrivals(Time now) {
    Buffer out;
    while (!on_the_way_.empty() && on_the_way_.front().at <= now && !stopped(now)) {
      if (!faults_.cut_at || on_the_way_.front().at < *faults_.cut_at)
        append(out, on_the_way_.front().bytes);
      on_the_way_.pop_front();
    }
    return out;
  }

  /// XOFF has come from the other side.
  void stop(Time now) {
    if (!stopped(now)) faults_.stops_at = now;
  }

  /// XON has come from the other side.
  void release(Time now) {
    if (!stopped(now)) return;
    faults_.stops_at.reset();
    for (Chunk& chunk : on_the_way_) chunk.at = std::max(chunk.at, now);
  }

  /// What was said by nobody: all of it has to be in the reader's noise.
  [[nodiscard]] const std::string& foreign() const { return foreign_; }

 private:
  struct Chunk {
    Time at;
    Buffer bytes;
  };

  [[nodiscard]] bool stopped(Time now) const {
    return faults_.stops_at && now >= *faults_.stops_at;
  }

  [[nodiscard]] bool happens(double probability) {
    return probability > 0 && std::uniform_real_distribution<>(0, 1)(random_) < probability;
  }
  [[nodiscard]] std::size_t some(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random_);
  }

  void pass(std::uint8_t byte) {
    if (happens(faults_.kernel_line) || faults_.line_at == position_++) say_line();
    if (happens(faults_.control)) say_control();
    if (byte == '\n' && faults_.line_ends == LineFaults::LineEnds::kLfToCrLf) harm('\r');
    if (byte == '\n' && faults_.line_ends == LineFaults::LineEnds::kDropped) return;
    if (byte == '\n' && faults_.line_ends == LineFaults::LineEnds::kLfToCr) byte = '\r';
    if (byte == '\r' && faults_.line_ends == LineFaults::LineEnds::kCrToLf) byte = '\n';
    harm(byte);
  }

  void harm(std::uint8_t byte) {
    if (faults_.seven_bits) byte &= 0x7F;
    if (faults_.eats.find(static_cast<char>(byte)) != std::string::npos) return;
    if (burst_ == 0 && happens(faults_.burst)) {
      burst_ = some(1, 40);
      burst_loses_ = some(0, 1) == 0;
    }
    if (burst_ > 0) {
      --burst_;
      if (burst_loses_) return;
      byte = static_cast<std::uint8_t>(some(0x20, 0x7E));
    }
    if (happens(faults_.loss)) return;
    if (happens(faults_.flip)) byte ^= static_cast<std::uint8_t>(1 << some(0, 7));
    wrap(byte);
    passed_.push_back(byte);
    if (!happens(faults_.doubled)) return;
    const std::size_t size = std::min(passed_.size(), some(1, 200));
    const Buffer again(passed_.end() - static_cast<std::ptrdiff_t>(size), passed_.end());
    append(passed_, again);
  }

  void wrap(std::uint8_t byte) {
    if (faults_.columns == 0) return;
    if (byte == '\n' || byte == '\r') {
      column_ = 0;
    } else if (++column_ > faults_.columns) {
      append(passed_, as_bytes("\r\n"));
      column_ = 1;
    }
  }

  void say_line() {
    std::string line = "[" + std::to_string(some(100, 99999)) + ".";
    line += std::to_string(some(100000, 999999)) + "] usb 1-1: new device number " +
            std::to_string(some(1, 99)) + " using xhci_hcd\r\n";
    append(passed_, as_bytes(line));
    foreign_ += line;
  }

  void say_control() {
    static constexpr std::string_view kSequences[] = {"\x1b[K", "\x1b[1;31m", "\x1b]0;title\x07",
                                                      "\x1b(B", "\x1b[?25l"};
    append(passed_, as_bytes(kSequences[some(0, std::size(kSequences) - 1)]));
  }

  [[nodiscard]] Time time_of(std::size_t bytes) const {
    return std::chrono::duration_cast<Time>(
        std::chrono::duration<double>(static_cast<double>(bytes) / faults_.bytes_per_second));
  }

  /// What has passed so far is on its way.
  void depart(Time now) {
    if (faults_.holds_dle && !passed_.empty() && passed_.back() == 0x10) return;
    if (faults_.bytes_per_second == 0) {
      if (!passed_.empty()) on_the_way_.push_back({now + faults_.delay, passed_});
    } else {
      depart_slowly(now);
    }
    passed_.clear();
  }

  void depart_slowly(Time now) {
    constexpr std::size_t kPiece = 64;
    busy_until_ = std::max(busy_until_, now);
    for (std::size_t at = 0; at < passed_.size(); at += kPiece) {
      const Bytes piece = Bytes(passed_).subspan(at, std::min(kPiece, passed_.size() - at));
      busy_until_ += time_of(piece.size());
      on_the_way_.push_back({busy_until_ + faults_.delay, Buffer(piece.begin(), piece.end())});
    }
  }

  LineFaults faults_;
  std::mt19937_64 random_;
  Buffer passed_;  // what is left of what was written
  std::deque<Chunk> on_the_way_;
  Time busy_until_{0};
  std::size_t position_ = 0;  // of the next byte that is written
  std::size_t burst_ = 0;
  bool burst_loses_ = false;
  std::size_t column_ = 0;
  std::string foreign_;
};

}  // namespace subunit::link
