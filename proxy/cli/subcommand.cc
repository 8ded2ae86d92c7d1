#include "proxy/cli/subcommand.h"

#include <fcntl.h>
#include <fmt/core.h>

namespace proxy {

void add_endpoint(OptionSet& options, const OptionSet::Label& label,
                  std::optional<Endpoint>& value) {
  options.text(label,
               [&value](const std::string& text) { value = value_of(Endpoint::parse(text)); });
}

void add_ready_fd(OptionSet& options, std::optional<int>& value) {
  const auto store = [&value](int fd) {
    if (::fcntl(fd, F_GETFD) < 0)
      throw UsageError(fmt::format("--ready-fd {}: no such descriptor is open", fd));
    value = fd;
  };
  options.integer({"--ready-fd", "N", "write \"READY ADDR\" to this descriptor and close it"}, 3,
                  1 << 20, store);
}

}  // namespace proxy
