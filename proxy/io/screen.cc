#include "proxy/io/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace proxy {
namespace {

constexpr std::size_t kDefaultColumns = 80;         // where the terminal does not tell
constexpr std::string_view kEraseBelow = "\x1b[J";  // from the cursor on

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
  if (status_.empty()) return write(lines);
  write("\r" + std::string(kEraseBelow) + std::string(lines) + redraw());
}

void Screen::show_status(std::string_view line) {
  const std::size_t now_columns = columns();
  if (line == status_ && (line.empty() || now_columns == status_columns_)) return;
  status_ = line;
  status_columns_ = now_columns;
  write(redraw());
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
