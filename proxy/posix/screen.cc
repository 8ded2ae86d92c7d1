#include "proxy/posix/screen.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

namespace proxy {
namespace {

constexpr std::size_t kDefaultColumns = 80;         // where the terminal does not tell
constexpr std::string_view kEraseBelow = "\x1b[J";  // from the cursor on

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

bool is_capable_terminal(int fd) {
  const char* const terminal = std::getenv("TERM");
  return ::isatty(fd) && terminal && std::string_view(terminal) != "dumb";
}

bool Screen::has_status_line() const {
  return is_capable_terminal(fd_);
}

std::size_t Screen::columns() const {
  winsize size{};
  return ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefaultColumns;
}

void Screen::print(std::string_view lines) {
  std::string text(lines);
  if (is_raw()) replace_all(text, "\n", "\r\n");
  if (!status_.empty()) text = "\r" + std::string(kEraseBelow) + text + redraw();
  write(text);
}

void Screen::show_status(std::string_view line) {
  const std::size_t now_columns = columns();
  if (line == status_ && (line.empty() || now_columns == status_columns_)) return;
  status_ = line;
  status_columns_ = now_columns;
  write(redraw());
}

bool Screen::is_raw() const {
  termios settings{};
  return ::tcgetattr(fd_, &settings) == 0 && !(settings.c_oflag & OPOST);
}

/// Written over first, and only then erased behind: it does not flicker.
std::string Screen::redraw() const {
  return "\r" + status_ + std::string(kEraseBelow) + "\r";
}

void Screen::write(std::string_view text) const {
  // There is nowhere to report a failure to write this.
  [[maybe_unused]] const auto written = ::write(fd_, text.data(), text.size());
}

}  // namespace proxy
