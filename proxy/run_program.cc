#include "proxy/run_program.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "proxy/posix/stdio.h"

namespace proxy {
namespace {

int print(const Answer& answer, const Log& log) {
  if (answer.kind == Answer::Kind::kHelp)
    std::fputs(answer.text.c_str(), stdout);
  else
    log.error("{}", answer.text);
  return answer.exit_status();
}

/// For an exception that nobody has caught.
[[noreturn]] void die() {
  try {
    if (std::current_exception()) throw;
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "subunit-proxy: error: %s\n", exception.what());
  } catch (...) {
    std::fputs("subunit-proxy: error: an unknown exception\n", stderr);
  }
  std::abort();
}

}  // namespace

int run_program(const Program& program, Perform perform, int argc, char** argv) {
  open_standard_descriptors();
  // Writing to a reader that is gone is an error like any other here. Commands that are started get
  // the signal's usual effect back.
  std::signal(SIGPIPE, SIG_IGN);
  // And so is a file that may not grow any more (ulimit -f).
  std::signal(SIGXFSZ, SIG_IGN);
  hide_from_tests();
  // Whoever started this may have blocked signals, those that are to end it among them.
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const std::vector<std::string> words(argv + 1, argv + argc);
  const CommandLine line = parse_command_line(program, words, ::isatty(STDOUT_FILENO) == 1);
  Screen screen(STDERR_FILENO);
  const Log log(line.log_level, screen);
  if (const auto* answer = std::get_if<Answer>(&line.action)) return print(*answer, log);
  if (const auto enough = check_free_descriptors(); !enough) {
    log.error("{}", enough.error().text);
    return std::holds_alternative<WrapOptions>(line.action) ? kWrapCannotStart : kFailed;
  }
  return perform(line.action, log);
}

}  // namespace proxy

// Called at that point, in place of the C++ library's own, which shows the name of the type: what
// makes that readable has 50 kB.
void __gnu_cxx::__verbose_terminate_handler() {
  proxy::die();
}
