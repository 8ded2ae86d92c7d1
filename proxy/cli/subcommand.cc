#include "proxy/cli/subcommand.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <cmath>

namespace proxy {

Subcommand::Subcommand(CLI::App& parent, const Text& text)
    : app_(*parent.add_subcommand(text.name, text.description)), usage_(text.usage) {
  app_.footer(text.footer);
}

namespace {

template <typename T>
void add_time(CLI::App& app, const std::string& name, T& value, const std::string& help) {
  const auto store = [name, &value](double given) {
    const std::chrono::duration<double> seconds(some_number(name, given));
    value = std::chrono::duration_cast<subunit::Time>(seconds);
  };
  app.add_option_function<double>(name, store, help)
      ->option_text("SECONDS")
      ->check(CLI::Range(0.001, subunit::kMaxSeconds));
}

}  // namespace

void add_seconds(CLI::App& app, const std::string& name, subunit::Time& value,
                 const std::string& help) {
  const double preset = std::chrono::duration<double>(value).count();
  add_time(app, name, value, fmt::format("{} ({:g})", help, preset));
}

void add_seconds(CLI::App& app, const std::string& name, std::optional<subunit::Time>& value,
                 const std::string& help) {
  add_time(app, name, value, help);
}

double some_number(const std::string& name, double value) {
  if (std::isnan(value)) throw CLI::ValidationError(name + ": nan is no number");
  return value;
}

Endpoint endpoint_of(const std::string& text) {
  auto endpoint = Endpoint::parse(text);
  if (!endpoint) throw CLI::ValidationError(endpoint.error().text);
  return *endpoint;
}

void add_ready_fd(CLI::App& app, std::optional<int>& value) {
  const auto store = [&value](int fd) {
    if (::fcntl(fd, F_GETFD) < 0)
      throw CLI::ValidationError(fmt::format("--ready-fd {}: no such descriptor is open", fd));
    value = fd;
  };
  app.add_option_function<int>("--ready-fd", store,
                               "write \"READY ADDR\" to this descriptor and close it")
      ->option_text("N")
      ->check(CLI::Range(3, 1 << 20));
}

}  // namespace proxy
