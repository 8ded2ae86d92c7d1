#pragma once

#include <string>

namespace proxy {

struct Program;

/// Completion of the program's command lines, as a script for a shell. It offers subcommands,
/// options and their values, and completes the command after "--" as the shell itself would.

[[nodiscard]] std::string bash_completion(const Program& program);
[[nodiscard]] std::string zsh_completion(const Program& program);
[[nodiscard]] std::string fish_completion(const Program& program);

}  // namespace proxy
