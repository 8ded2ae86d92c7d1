#include "common/run/assignment/feeder.h"

#include <fmt/core.h>

#include "common/run/remote/remote_servers.h"

namespace subunit::run {

Result<> Feeder::feed(Worker& worker, const Retries::Places* places, Time now) {
  if (!worker.is_open() || !worker.work.id) return {};
  if (options_.isolated && worker.work.used) {
    if (assignment_.waiting() == 0 || !assignment_.is_idle(worker)) return {};
    if (worker.servers.routed()) worker.session.goodbye();
    if (recycle(worker, "each test gets a server of its own (--isolated)", now)) return {};
    if (!worker.refusal.empty()) return error("{}", worker.refusal);
    return error(
        "--isolated needs a proxy that started the test server and can start it again: use `serve "
        "-- COMMAND`");
  }
  for (;;) {
    const auto fed = assignment_.feed(worker, now);
    if (!fed) return tl::unexpected(fed.error());
    if (!*fed) break;
  }
  return places ? feed_again(worker, *places, now) : Result<>();
}

/// A server with nothing to do runs tests that have failed before.
Result<> Feeder::feed_again(Worker& worker, const Retries::Places& places, Time now) {
  if (assignment_.stopped() || !assignment_.is_idle(worker)) return {};
  const auto choice = assignment_.retries().choose(worker.number, places, [&](std::string_view id) {
    return assignment_.may_feed_again(worker, id);
  });
  if (!choice) return {};
  const bool wants_new = choice->fresh && worker.work.used;
  if (wants_new && recycle(worker, "a test that has failed runs again in a new server", now))
    return {};
  return assignment_.feed_again(worker, choice->id, now);
}

/// A new server is to come in place of this one, which has nothing to do. False: that cannot be
/// had. The proxy may refuse it, too.
bool Feeder::recycle(Worker& worker, const std::string& why, Time now) {
  if (!worker.servers.can_restart(worker)) return false;
  assignment_.remove(worker, now);
  worker.servers.restart(worker, Worker::Step::kRecycle, why);
  return true;
}

std::optional<std::string> Feeder::restart(Worker& worker) {
  if (worker.state() != Worker::State::kGone) return std::nullopt;
  if (worker.record.deaths < Worker::kMaxDeaths) {
    worker.servers.restart(worker, Worker::Step::kRestart, "tests are waiting for this server");
    return std::nullopt;
  }
  worker.go(Worker::Step::kLose);
  return fmt::format(
      "the test server died {} times in a row with no test in progress that could be the cause; it "
      "is not started again",
      Worker::kMaxDeaths);
}

}  // namespace subunit::run
