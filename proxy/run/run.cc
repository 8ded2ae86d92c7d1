#include "proxy/run/run.h"

#include "proxy/io/loop.h"
#include "proxy/posix/stdio.h"
#include "proxy/run/runner.h"

namespace proxy {

int run(const RunOptions& options, const Log& log) {
  auto plan = Plan::from(options);
  if (!plan) {
    log.error("{}", plan.error().text);
    return 2;
  }
  const auto selection = Selection::from(options, plan->replayed_tests());
  if (!selection) {
    log.error("{}", selection.error().text);
    return 2;
  }
  const auto out = PrivateStream::take_stdout();
  if (!out) {
    log.error("{}", out.error().text);
    return 3;
  }
  Loop loop;
  Runner runner(loop.get(), options, *selection, *plan, out->duplicate(), log);
  if (const auto started = runner.start(); !started) {
    log.error("{}", started.error().text);
    return 3;
  }
  loop.run_until([&runner] { return runner.over(); });
  return runner.exit_status();
}

}  // namespace proxy
