#pragma once

#include <string>
#include <variant>

#include "proxy/command_server/options.h"
#include "proxy/run/run.h"
#include "proxy/serve/options.h"
#include "proxy/testr/testr.h"
#include "proxy/tunnel/tunnel.h"
#include "proxy/wrap/wrap.h"

namespace proxy {

/// A text to print, and to end with: help on stdout with status 0, or what is wrong with the
/// command line on stderr with status 2.
struct Answer {
  enum class Kind { kHelp, kBadUsage };

  Kind kind;
  std::string text;

  [[nodiscard]] int exit_status() const { return kind == Kind::kHelp ? 0 : 2; }
};

/// What a command line asks for.
using Action = std::variant<Answer, ServeOptions, WrapOptions, RunOptions, TestrOptions,
                            TunnelOptions, CommandServerOptions>;

}  // namespace proxy
