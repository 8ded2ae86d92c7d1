#include "proxy/run/run.h"

#include <tuple>

#include "common/report/ci/github.h"
#include "proxy/io/handle.h"
#include "proxy/posix/output_file.h"
#include "proxy/posix/stdio.h"
#include "proxy/run/plan_files.h"
#include "proxy/run/runner.h"

namespace proxy {

int run(const RunOptions& options, const Log& log) {
  auto plan = read_plan_files(options).and_then([&options](subunit::run::Plan::Files files) {
    return subunit::run::Plan::create(options, std::move(files));
  });
  if (!plan) {
    log.error("{}", plan.error().text);
    return 2;
  }
  if (annotates_for_github(options)) log.screen().set_filter(subunit::report::without_commands);
  Runner::Files files;
  if (options.schedule_log) {
    auto opened = open_output("the schedule log", *options.schedule_log);
    if (!opened) {
      log.error("{}", opened.error().text);
      return 2;
    }
    files.schedule_log = std::move(*opened);
  }
  if (options.trace) {
    auto opened = open_output("the trace", *options.trace);
    if (!opened) {
      log.error("{}", opened.error().text);
      return 3;
    }
    files.trace = std::move(*opened);
  }
  for (const auto& [what, path, file] :
       {std::tuple("the JUnit report", &options.junit, &files.junit),
        std::tuple("the HTML page", &options.html, &files.html)}) {
    if (!*path) continue;
    auto opened = open_report(what, **path);
    if (!opened) {
      log.error("{}", opened.error().text);
      return 3;
    }
    *file = std::move(*opened);
  }
  const auto out = PrivateStream::take_stdout();
  if (!out) {
    log.error("{}", out.error().text);
    return 3;
  }
  Loop loop;
  Runner runner(loop.get(), options, *plan, std::move(files), out->duplicate(), log);
  runner.start();
  loop.run_until([&runner] { return runner.over(); });
  return runner.exit_status();
}

}  // namespace proxy
