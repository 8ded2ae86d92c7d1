#include "proxy/command_server/guard.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace proxy {

using subunit::Result;

namespace {

// Reads the groups, one a line, until we are gone. The last one counts; an empty line is none.
constexpr const char* kScript =
    R"(while read -r group; do last=$group; done
test -z "$last" || kill -s KILL -- "-$last"
rm -rf -- "$1")";

}  // namespace

Result<> Guard::start(const std::string& folder) {
  auto orders = Pipe::create();
  if (!orders) return tl::unexpected(orders.error());
  const Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null) return subunit::error("cannot open /dev/null: {}", std::strerror(errno));
  orders_ = std::move(orders->write_end);
  return child_.start({.words = {"/bin/sh", "-c", kScript, "guard", folder},
                       .in = orders->read_end.get(),
                       .out = null.get(),
                       .err = null.get(),
                       .own_session = true});
}

void Guard::watch(std::optional<pid_t> group) {
  const std::string line = group ? fmt::format("{}\n", *group) : "\n";
  // Without a guard, whom somebody may have killed, all goes on.
  [[maybe_unused]] const ssize_t size = ::write(orders_.get(), line.data(), line.size());
}

}  // namespace proxy
