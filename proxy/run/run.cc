#include "proxy/run/run.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/base/text.h"
#include "proxy/io/handle.h"
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
  std::ofstream schedule_log;
  if (options.schedule_log) {
    schedule_log.open(*options.schedule_log);
    if (!schedule_log) {
      log.error("cannot write the schedule log \"{}\": {}", subunit::escaped(*options.schedule_log),
                std::strerror(errno));
      return 2;
    }
  }
  const auto out = PrivateStream::take_stdout();
  if (!out) {
    log.error("{}", out.error().text);
    return 3;
  }
  Loop loop;
  Runner runner(loop.get(), options, *plan, schedule_log, out->duplicate(), log);
  if (const auto started = runner.start(); !started) {
    log.error("{}", started.error().text);
    return 3;
  }
  loop.run_until([&runner] { return runner.over(); });
  return runner.exit_status();
}

}  // namespace proxy
