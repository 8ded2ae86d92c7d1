#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "proxy/client/options.h"
#include "proxy/client/testr.h"
#include "proxy/client/tunnel.h"
#include "proxy/command_server/options.h"
#include "proxy/io/endpoint.h"
#include "proxy/serve/options.h"
#include "proxy/wrap/wrap.h"

namespace proxy {

/// What a command line asks for. An int: end with that status, because help was printed (0) or the
/// line is wrong (2).
using Action = std::variant<int, ServeOptions, WrapOptions, RunOptions, TestrOptions, TunnelOptions,
                            CommandServerOptions>;

/// One subcommand with its options and its help.
class Subcommand {
 public:
  struct Text {
    const char* name;
    const char* description;  ///< one line, for the list of subcommands
    const char* usage;
    const char* footer;
  };

  Subcommand(CLI::App& parent, const Text& text);
  Subcommand(const Subcommand&) = delete;
  virtual ~Subcommand() = default;

  [[nodiscard]] CLI::App& app() const { return app_; }
  [[nodiscard]] const char* usage() const { return usage_; }

  /// What the words asked for that CLI11 has stored. `command`: the words behind "--". Throws
  /// CLI::ValidationError for what CLI11 cannot check.
  [[nodiscard]] virtual Action action(std::vector<std::string> command) = 0;

 protected:
  CLI::App& app_;

 private:
  const char* usage_;
};

[[nodiscard]] std::unique_ptr<Subcommand> make_serve_command(CLI::App& parent);
[[nodiscard]] std::unique_ptr<Subcommand> make_wrap_command(CLI::App& parent);
[[nodiscard]] std::unique_ptr<Subcommand> make_run_command(CLI::App& parent);
[[nodiscard]] std::unique_ptr<Subcommand> make_testr_command(CLI::App& parent);
[[nodiscard]] std::unique_ptr<Subcommand> make_python_command(CLI::App& parent);
[[nodiscard]] std::unique_ptr<Subcommand> make_tunnel_command(CLI::App& parent);
[[nodiscard]] std::unique_ptr<Subcommand> make_command_server_command(CLI::App& parent);

// Options that several subcommands have, or several of their options need.

/// An option for a time in seconds, with the default that `value` has.
void add_seconds(CLI::App& app, const std::string& name, subunit::Time& value,
                 const std::string& help);
/// One without a default.
void add_seconds(CLI::App& app, const std::string& name, std::optional<subunit::Time>& value,
                 const std::string& help);

/// The value of the option `name` for a number, of which CLI::Range lets nan pass. Throws
/// CLI::ValidationError.
[[nodiscard]] double some_number(const std::string& name, double value);

/// The value of an option for an address. Throws CLI::ValidationError.
[[nodiscard]] Endpoint endpoint_of(const std::string& text);

/// --ready-fd, whose value is a descriptor that is open.
void add_ready_fd(CLI::App& app, std::optional<int>& value);

}  // namespace proxy
