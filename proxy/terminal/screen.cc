#include "proxy/terminal/screen.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace proxy {
namespace {

constexpr std::size_t kDefaultColumns = 80;         // where the terminal does not tell
constexpr std::string_view kEraseBelow = "\x1b[J";  // from the cursor on

constexpr auto kHandOver = std::chrono::milliseconds(100);  // a terminal takes a line in less
// At the end, for a reader that takes nothing, and for one that is slow.
constexpr auto kQuiet = std::chrono::seconds(1);
constexpr auto kLastWords = std::chrono::seconds(5);

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

bool is_capable_terminal(int fd) {
  const char* const terminal = std::getenv("TERM");
  return ::isatty(fd) && terminal && std::string_view(terminal) != "dumb";
}

Screen::Screen(int fd) : fd_(fd), writer_(fd, {.queue = kMaxWaiting, .hand_over = kHandOver}) {}

Screen::~Screen() {
  show_status("");
  report_dropped();
  writer_.flush(kQuiet, kLastWords);
}

bool Screen::has_status_line() const {
  return is_capable_terminal(fd_);
}

std::size_t Screen::columns() const {
  winsize size{};
  return ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefaultColumns;
}

void Screen::print(std::string_view lines) {
  print_exactly(filter_ ? filter_(lines) : std::string(lines));
}

void Screen::print_exactly(std::string_view lines) {
  report_dropped();
  if (!print_above_status(lines)) ++dropped_;
}

bool Screen::print_above_status(std::string_view lines) {
  std::string text(lines);
  if (is_raw()) replace_all(text, "\n", "\r\n");
  if (!status_.empty()) text = "\r" + std::string(kEraseBelow) + text + redraw();
  return writer_.write(std::move(text));
}

void Screen::report_dropped() {
  if (dropped_ == 0) return;
  const std::string text =
      fmt::format("subunit-proxy: warning: {} message{} left out here, since nobody read stderr\n",
                  dropped_, dropped_ == 1 ? " was" : "s were");
  if (print_above_status(text)) dropped_ = 0;
}

void Screen::show_status(std::string_view line) {
  const std::size_t now_columns = columns();
  if (line == status_ && (line.empty() || now_columns == status_columns_)) return;
  if (!line.empty() && writer_.stalled()) return;  // the next one is newer
  status_ = line;
  status_columns_ = now_columns;
  writer_.write(redraw());
}

bool Screen::is_raw() const {
  termios settings{};
  return ::tcgetattr(fd_, &settings) == 0 && !(settings.c_oflag & OPOST);
}

/// Written over first, and only then erased behind: it does not flicker.
std::string Screen::redraw() const {
  return "\r" + status_ + std::string(kEraseBelow) + "\r";
}

}  // namespace proxy
