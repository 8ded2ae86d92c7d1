#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "proxy/cli/command_line.h"
#include "proxy/command_server/command_server.h"
#include "proxy/guard/guard.h"
#include "proxy/posix/stdio.h"
#include "proxy/run/run.h"
#include "proxy/serve/serve.h"
#include "proxy/testr/testr.h"
#include "proxy/tunnel/tunnel.h"
#include "proxy/wrap/wrap.h"

namespace {

struct Act {
  const proxy::Log& log;

  int operator()(const proxy::Answer& answer) const {
    if (answer.kind == proxy::Answer::Kind::kHelp)
      std::fputs(answer.text.c_str(), stdout);
    else
      log.error("{}", answer.text);
    return answer.exit_status();
  }
  int operator()(const proxy::ServeOptions& options) const { return proxy::serve(options, log); }
  int operator()(const proxy::WrapOptions& options) const { return proxy::wrap(options, log); }
  int operator()(const proxy::RunOptions& options) const { return proxy::run(options, log); }
  int operator()(const proxy::TestrOptions& options) const { return proxy::testr(options, log); }
  int operator()(const proxy::TunnelOptions& options) const { return proxy::tunnel(options, log); }
  int operator()(const proxy::CommandServerOptions& options) const {
    return proxy::command_server(options, log);
  }
  int operator()(const proxy::GuardOptions& options) const { return proxy::guard(options, log); }
};

/// For those commands that do something.
int act(const proxy::CommandLine& line, const proxy::Log& log) {
  if (!std::holds_alternative<proxy::Answer>(line.action)) {
    if (const auto enough = proxy::check_free_descriptors(); !enough) {
      log.error("{}", enough.error().text);
      return std::holds_alternative<proxy::WrapOptions>(line.action) ? proxy::kWrapCannotStart : 3;
    }
  }
  return std::visit(Act{log}, line.action);
}

}  // namespace

int main(int argc, char** argv) {
  proxy::open_standard_descriptors();
  // Writing to a reader that is gone is an error like any other here. Commands that are started get
  // the signal's usual effect back.
  std::signal(SIGPIPE, SIG_IGN);
  // And so is a file that may not grow any more (ulimit -f).
  std::signal(SIGXFSZ, SIG_IGN);
  proxy::hide_from_tests();
  // Whoever started this may have blocked signals, those that are to end it among them.
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const std::vector<std::string> words(argv + 1, argv + argc);
  const proxy::CommandLine line = proxy::parse_command_line(words, ::isatty(STDOUT_FILENO) == 1);
  proxy::Screen screen(STDERR_FILENO);
  const proxy::Log log(line.log_level, screen);
  return act(line, log);
}
