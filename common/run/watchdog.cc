#include "common/run/watchdog.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/run/remote/remote_servers.h"

namespace subunit::run {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A person waits for this long before wondering; it is also how exact a limit of seconds has to be.
constexpr Time kInterval = milliseconds(250);
constexpr Time kShortestInterval = milliseconds(20);
// Between tests a server does little: a fixture of a class or module, at most. After the first
// time it is asked whether it is alive, after the second it is said to be stuck. Before its first
// sign of a test, it may have all of them to load.
constexpr Time kPingAfter = seconds(5);
constexpr Time kStuckAfter = seconds(10);
// For the proxy to end a server, whose grace is 5 s unless told otherwise, and to tell of it.
constexpr Time kReplaceTimeout = seconds(20);
// Servers that are started together come one after the other.
constexpr Time kWarnOfIdlenessAfter = seconds(1);

Time whole_seconds(Time time) {
  return std::chrono::floor<seconds>(time);
}

std::string_view describe_ping(const Worker& worker) {
  switch (worker.signs.ping) {
    case Worker::Ping::kAsked:
      return "; it does not answer Ping";
    case Worker::Ping::kAnswered:
      return "; it answers Ping";
    case Worker::Ping::kNone:
      break;
  }
  return "";
}

std::string_view describe_stop(const Worker& worker) {
  if (worker.work.listing)
    return "the test server is loading its tests, or is stuck: it has not answered List";
  if (!worker.record.has_loaded)
    return "the test server is loading its tests, or is stuck: it has tests to run, but has not "
           "begun any";
  return "the test server is stuck between tests: it has tests to run, but none has been in "
         "progress";
}

/// What the proxy tells of the server's CPU, as the end of a sentence; "" if it tells nothing.
std::string describe_load(const Worker& worker) {
  if (!worker.signs.load || !worker.signs.load->share) return "";
  const double share = *worker.signs.load->share;
  if (share < 0.02) return "; the server was using no CPU";
  return fmt::format("; the server was using {:.0f} % of a CPU", share * 100);
}

}  // namespace

Time Watchdog::interval() const {
  Time shortest = kInterval * 10;
  for (const auto& limit : {options_.test_timeout, options_.slow})
    if (limit) shortest = std::min(shortest, *limit);
  return std::max(shortest / 10, kShortestInterval);
}

void Watchdog::look(Channels& channels, Time now) {
  for (RemoteProxy& remote : channels.remotes()) {
    if (remote.silence(now) > Time(0)) continue;
    for (Worker& worker : remote.workers()) look(worker, now);
  }
}

void Watchdog::look(Worker& worker, Time now) {
  using State = Worker::State;
  if (worker.state() == State::kReplacing || worker.state() == State::kStarting) {
    if (worker.timeout && now >= worker.replaced_by)
      worker.servers.abandon(worker,
                             fmt::format("the proxy did not replace the test server within {}",
                                         in_seconds(kReplaceTimeout)));
  } else if (worker.is_open() && worker.work.listing &&
             now - worker.signs.since >= options_.list_timeout) {
    // Another one would load the same tests.
    worker.servers.abandon(
        worker,
        fmt::format("the test server has not listed its tests: nothing has come from it for "
                    "{} (--list-timeout){}{}",
                    in_seconds(options_.list_timeout), describe_load(worker),
                    describe_ping(worker)));
  } else if (const auto timeout = look_at(worker, now)) {
    replace(worker, *timeout, now);
  }
}

void Watchdog::replace(Worker& worker, const Worker::Timeout& timeout, Time now) {
  const std::string text =
      timeout.test_id.empty() ? timeout.reason
                              : fmt::format("{}: \"{}\"", timeout.reason, escaped(timeout.test_id));
  results_.happened({.kind = Incident::Kind::kTrouble, .worker = worker.number, .text = text}, now);
  worker.timeout = timeout;
  worker.replaced_by = now + kReplaceTimeout;
  if (!worker.servers.can_restart(worker)) return worker.servers.abandon(worker, timeout.reason);
  // Its next server would do the same. A test that is to blame does not run again.
  if (timeout.test_id.empty() && worker.record.deaths + 1 >= Worker::kMaxDeaths)
    return worker.servers.abandon(
        worker, fmt::format("{}; this has happened {} times in a row, so the server is not started "
                            "again",
                            timeout.reason, Worker::kMaxDeaths));
  worker.servers.restart(worker, Worker::Step::kReplace, timeout.reason);
}

std::optional<Worker::Timeout> Watchdog::look_at(Worker& worker, Time now) {
  if (!worker.is_open()) return std::nullopt;
  if (!results_.running().of(worker.number).empty()) return look_at_tests(worker, now);
  if (worker.work.asked()) return look_between_tests(worker, now);
  return std::nullopt;
}

std::optional<Worker::Timeout> Watchdog::look_at_tests(Worker& worker, Time now) {
  for (RunningTest& test : results_.running().of(worker.number)) {
    const Time lasting = now - test.since;
    if (options_.test_timeout && lasting >= *options_.test_timeout) {
      return Worker::Timeout{
          test.id, fmt::format("timed out after {} (--test-timeout){}",
                               in_seconds(*options_.test_timeout), describe_load(worker))};
    }
    if (options_.slow && lasting >= *options_.slow && !test.called_slow) {
      test.called_slow = true;
      results_.happened(
          {.kind = Incident::Kind::kSlow,
           .worker = worker.number,
           .test_id = test.id,
           .text = fmt::format("has been running for {}{}", in_seconds(whole_seconds(lasting)),
                               describe_load(worker))},
          now);
    }
  }
  return std::nullopt;
}

std::optional<Worker::Timeout> Watchdog::look_between_tests(Worker& worker, Time now) {
  const Time lasting = now - worker.signs.since;
  if (lasting >= kPingAfter && worker.session.version() >= 2 &&
      worker.signs.ping == Worker::Ping::kNone) {
    worker.session.ping();
    worker.signs.ping = Worker::Ping::kAsked;
  }
  const Time limit = worker.record.has_loaded ? kStuckAfter : options_.list_timeout;
  const bool expired = options_.test_timeout && !worker.work.listing &&
                       lasting >= std::max(*options_.test_timeout, limit);
  if (!expired && (lasting < kStuckAfter || worker.signs.called_stuck)) return std::nullopt;
  const std::string what =
      fmt::format("{} for {}{}{}", describe_stop(worker), in_seconds(whole_seconds(lasting)),
                  describe_load(worker), describe_ping(worker));
  if (expired) return Worker::Timeout{"", what};
  worker.signs.called_stuck = true;
  results_.happened({.kind = Incident::Kind::kTrouble, .worker = worker.number, .text = what}, now);
  return std::nullopt;
}

// Idleness.

IdleWatch::Finding IdleWatch::look(Channels& channels, std::size_t waiting, Time now) {
  // A server has something to do, or is about to be there. Where each site has tests of its own, a
  // channel that takes longer than the others to be ready has time-outs of its own, too.
  bool busy = options_.spread != Spread::kOnce && channels.more_come();
  std::set<WorkerNumber> present;
  channels.each_worker([&](const Worker& worker) {
    busy |= worker.work.asked() || (worker.can_progress() && !worker.is_open());
    if (worker.state() != Worker::State::kLost) present.insert(worker.number);
  });
  if (busy) {
    since_.reset();
    return {};
  }
  if (!since_) since_ = now;
  const Time idle = now - *since_;
  const std::string timeout = in_seconds(options_.attach_timeout);
  if (idle >= options_.attach_timeout) {
    return {.warning = {},
            .problem = fmt::format(
                "{} tests are left, and no test server for them was attached within {} "
                "(--attach-timeout){}",
                waiting, timeout,
                plan_.replays() ? "; --replay needs as many workers as the schedule names" : "")};
  }
  if (idle < kWarnOfIdlenessAfter || warned_) return {};
  warned_ = true;
  return {.warning = fmt::format("{} tests are waiting for {}, which is not attached yet; the run "
                                 "ends if it does not come within {} (--attach-timeout)",
                                 waiting, awaited(present), timeout),
          .problem = {}};
}

std::string IdleWatch::awaited(const std::set<WorkerNumber>& present) const {
  std::string names;
  for (const WorkerNumber number : plan_.replayed_workers())
    if (!present.contains(number))
      names += fmt::format("{}worker-{}", names.empty() ? "" : ", ", number);
  return names.empty() ? "a test server" : names;
}

}  // namespace subunit::run
