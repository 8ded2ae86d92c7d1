#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "proxy/cli/command_line.h"
#include "proxy/cli/options/option_set.h"

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

// One of each kind. `terminal`: stdout is one.

[[nodiscard]] std::unique_ptr<Subcommand> make_serve_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_wrap_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_run_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_testr_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_python_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_tunnel_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_command_server_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_guard_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_self_check_command(bool terminal);
[[nodiscard]] std::unique_ptr<Subcommand> make_completion_command(bool terminal);

/// The value of `result`. Throws its Error as a UsageError.
template <typename T>
[[nodiscard]] T value_of(subunit::Result<T> result) {
  if (!result) throw UsageError(result.error().text);
  return std::move(*result);
}

}  // namespace proxy
