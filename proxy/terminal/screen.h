#pragma once

#include <string>
#include <string_view>

#include "proxy/posix/background_writer.h"

namespace proxy {

/// Stderr, which all of this process shares: lines for a person and, on a terminal, one line of
/// status below them that is written over and over.
///
/// Everything is one write() each: a status line is never seen half drawn, nor gone for a moment.
/// Between writes the cursor stands at the beginning of the status line. So a line that a child
/// process writes to the same terminal replaces it, rather than going on behind it; and where a
/// terminal that was made narrower has wrapped it, erasing starts at the right place.
///
/// Nobody waits for who reads it. While it takes nothing, up to kMaxWaiting bytes of lines are
/// kept; what comes after that is dropped and counted, and the count stands in the place of it.
class Screen {
 public:
  static constexpr std::size_t kMaxWaiting = 256 << 10;

  /// `fd` is the caller's, and stays open.
  explicit Screen(int fd);
  Screen(const Screen&) = delete;
  /// What waits gets a moment to be taken.
  ~Screen();

  /// Writes whole lines; above the status line, if there is one. On a terminal in raw mode, which
  /// takes a line feed for just that, they end in CR LF.
  void print(std::string_view lines);

  /// From now on, what is printed passes `filter`: lines that mean something to who reads stderr.
  using Filter = std::string (*)(std::string_view lines);
  void set_filter(Filter filter) { filter_ = filter; }
  /// As print(), past the filter.
  void print_exactly(std::string_view lines);

  /// Replaces the status line, or takes it away ("") and leaves nothing of it. Writes nothing if it
  /// is there already, or while what was written before still waits. `line` has no line feed, and
  /// must be narrower than columns().
  void show_status(std::string_view line);

  /// Whether a line can be written over here.
  [[nodiscard]] bool has_status_line() const;
  [[nodiscard]] std::size_t columns() const;

 private:
  [[nodiscard]] std::string redraw() const;
  [[nodiscard]] bool is_raw() const;
  bool print_above_status(std::string_view lines);
  void report_dropped();

  int fd_;
  BackgroundWriter writer_;
  Filter filter_ = nullptr;
  std::size_t dropped_ = 0;  // calls of print() since the last one that was taken
  std::string status_;
  std::size_t status_columns_ = 0;  // of the screen when it was drawn
};

/// Whether `fd` is a terminal that understands escape sequences.
[[nodiscard]] bool is_capable_terminal(int fd);

}  // namespace proxy
