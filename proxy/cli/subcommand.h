#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "proxy/cli/command_line.h"
#include "proxy/cli/option_set.h"

namespace proxy {

/// One subcommand with its options and its help.
class Subcommand {
 public:
  explicit Subcommand(const OptionSet::Text& text) : options_(text) {}
  Subcommand(const Subcommand&) = delete;
  virtual ~Subcommand() = default;

  [[nodiscard]] OptionSet& options() { return options_; }

  /// What the command line asks for, after parse_options(). `command`: the words after "--". Throws
  /// UsageError.
  [[nodiscard]] virtual Action action(std::vector<std::string> command) = 0;

 protected:
  OptionSet options_;
};

[[nodiscard]] std::unique_ptr<Subcommand> make_serve_command();
[[nodiscard]] std::unique_ptr<Subcommand> make_wrap_command();
/// `terminal`: stdout is one.
[[nodiscard]] std::unique_ptr<Subcommand> make_run_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_testr_command();
[[nodiscard]] std::unique_ptr<Subcommand> make_python_command();
[[nodiscard]] std::unique_ptr<Subcommand> make_tunnel_command();
[[nodiscard]] std::unique_ptr<Subcommand> make_command_server_command();
[[nodiscard]] std::unique_ptr<Subcommand> make_guard_command();

/// The value of `result`. Throws its Error as a UsageError.
template <typename T>
[[nodiscard]] T value_of(subunit::Result<T> result) {
  if (!result) throw UsageError(result.error().text);
  return std::move(*result);
}

}  // namespace proxy
