#pragma once

#include <string>
#include <string_view>

namespace proxy {

/// Stderr, which all of this process shares: lines for a person and, on a terminal, one line of
/// status below them that is written over and over.
///
/// Everything is one write() each: a status line is never seen half drawn, nor gone for a moment.
/// Between writes the cursor stands at the beginning of the status line. So a line that a child
/// process writes to the same terminal replaces it, rather than going on behind it; and where a
/// terminal that was made narrower has wrapped it, erasing starts at the right place.
class Screen {
 public:
  /// `fd` is the caller's, and stays open.
  explicit Screen(int fd) : fd_(fd) {}
  Screen(const Screen&) = delete;
  ~Screen() { show_status(""); }

  /// Writes whole lines; above the status line, if there is one. On a terminal in raw mode, which
  /// takes a line feed for just that, they end in CR LF.
  void print(std::string_view lines);

  /// Replaces the status line, or takes it away ("") and leaves nothing of it. Writes nothing if it
  /// is there already. `line` has no line feed, and must be narrower than columns().
  void show_status(std::string_view line);

  /// Whether a line can be written over here.
  [[nodiscard]] bool has_status_line() const;
  [[nodiscard]] std::size_t columns() const;

 private:
  [[nodiscard]] std::string redraw() const;
  [[nodiscard]] bool is_raw() const;
  void write(std::string_view text) const;

  int fd_;
  std::string status_;
  std::size_t status_columns_ = 0;  // of the screen when it was drawn
};

/// Whether `fd` is a terminal that understands escape sequences.
[[nodiscard]] bool is_capable_terminal(int fd);

}  // namespace proxy
