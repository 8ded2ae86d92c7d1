#pragma once

#include <string>
#include <variant>
#include <vector>

#include "proxy/command_server/command_server.h"
#include "proxy/guard/guard.h"
#include "proxy/posix/log.h"
#include "proxy/push/self_check.h"
#include "proxy/python/write_archive.h"
#include "proxy/run/run.h"
#include "proxy/serve/serve.h"
#include "proxy/testr/testr.h"
#include "proxy/tunnel/tunnel.h"
#include "proxy/wrap/wrap.h"

namespace proxy {

struct Program;

/// A text to print, and to end with: help on stdout with status 0, or what is wrong with the
/// command line on stderr with status 2.
struct Answer {
  enum class Kind { kHelp, kBadUsage };

  Kind kind;
  std::string text;

  [[nodiscard]] int exit_status() const { return kind == Kind::kHelp ? 0 : 2; }
};

/// What a command line asks for.
using Action =
    std::variant<Answer, ServeOptions, WrapOptions, RunOptions, TestrOptions, TunnelOptions,
                 CommandServerOptions, GuardOptions, SelfCheckOptions, WriteArchiveOptions>;

struct CommandLine {
  Action action;
  LogLevel log_level = LogLevel::kWarning;
};

/// Reads the words that follow the name of the program. `terminal`: stdout is one. Prints nothing.
/// What options name is looked at: files with channels, hosts, descriptors.
[[nodiscard]] CommandLine parse_command_line(const Program& program,
                                             const std::vector<std::string>& words, bool terminal);

}  // namespace proxy
