#include "proxy/guard/guard_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/posix/folder.h"

namespace proxy {

using subunit::Result;

namespace {

/// The file of this program, even if another version has taken its place.
constexpr const char* kProgram = "/proc/self/exe";

}  // namespace

Result<> GuardProcess::start(const std::string& folder) {
  auto orders = Pipe::create();
  if (!orders) return tl::unexpected(orders.error());
  const Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null) return subunit::error("cannot open /dev/null: {}", std::strerror(errno));
  orders_ = std::move(orders->write_end);
  ::fcntl(orders_.get(), F_SETFL, O_NONBLOCK);  // it may be stopped
  std::vector<std::string> words{kProgram, "guard", "--parent", std::to_string(::getpid())};
  if (!folder.empty()) words.insert(words.end(), {"--folder", absolute_path(folder)});
  return child_.start({.words = std::move(words),
                       .in = orders->read_end.get(),
                       .out = null.get(),
                       .own_session = true});
}

GuardProcess::~GuardProcess() {
  if (orders_) send(kDismissed);
}

void GuardProcess::watch(pid_t leader) {
  send(std::to_string(leader));
}

void GuardProcess::send(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  // Without a guard, whom somebody may have killed, all goes on.
  [[maybe_unused]] const ssize_t size = ::write(orders_.get(), text.data(), text.size());
}

}  // namespace proxy
