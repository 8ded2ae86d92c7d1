#include "proxy/cli/subcommand.h"

#include <fmt/format.h>

namespace proxy {

Subcommand::Subcommand(CLI::App& parent, const Text& text)
    : app_(*parent.add_subcommand(text.name, text.description)), usage_(text.usage) {
  app_.footer(text.footer);
}

void add_seconds(CLI::App& app, const std::string& name, subunit::Time& value,
                 const std::string& help) {
  const double preset = std::chrono::duration<double>(value).count();
  const auto store = [&value](double given) {
    value = std::chrono::duration_cast<subunit::Time>(std::chrono::duration<double>(given));
  };
  app.add_option_function<double>(name, store, fmt::format("{} ({:g})", help, preset))
      ->option_text("SECONDS")
      ->check(CLI::Range(0.001, 1e7));
}

}  // namespace proxy
