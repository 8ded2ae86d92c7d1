#pragma once

#include <variant>

#include "proxy/cli/command_line.h"
#include "proxy/cli/program.h"

namespace proxy {

/// The exit status of what could not be done.
inline constexpr int kFailed = 3;

/// Does what a command line asks for, and returns the exit status.
using Perform = int (*)(const Action& action, const Log& log);

/// A Perform. `kJobs` are functions such as serve(), one for each kind of options that the
/// subcommands of a program give.
template <auto... kJobs>
int perform(const Action& action, const Log& log) {
  int status = kFailed;
  const auto perform_one = [&]<typename Options>(int (*job)(const Options&, const Log&)) {
    const auto* const options = std::get_if<Options>(&action);
    if (options) status = job(*options, log);
    return options != nullptr;
  };
  (perform_one(kJobs) || ...);
  return status;
}

/// All of main().
int run_program(const Program& program, Perform perform, int argc, char** argv);

}  // namespace proxy
