#include "proxy/run/vigil.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/escape.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::in_seconds;
using subunit::Time;

namespace {

// A person waits for this long before wondering; it is also how exact a limit of seconds has to be.
constexpr Time kInterval = milliseconds(250);
constexpr Time kShortestInterval = milliseconds(20);
// Between tests a server does little: a fixture of a class or module, at most. After the first
// time it is asked whether it is alive, after the second it is said to be stuck.
constexpr Time kSuspicious = seconds(5);
constexpr Time kStuck = seconds(10);

Time whole_seconds(Time time) {
  return std::chrono::floor<seconds>(time);
}

std::string_view describe_ping(const Worker& worker) {
  switch (worker.ping) {
    case Worker::Ping::kAsked:
      return "; it does not answer Ping";
    case Worker::Ping::kAnswered:
      return "; it answers Ping";
    case Worker::Ping::kNone:
      break;
  }
  return "";
}

}  // namespace

std::string describe_load(const Worker& worker) {
  if (!worker.load || !worker.load->share) return "";
  const double share = *worker.load->share;
  if (share < 0.02) return ", which uses no CPU";
  return fmt::format(", which uses {:.0f} % of a CPU", share * 100);
}

Time Vigil::interval() const {
  Time shortest = kInterval * 10;
  for (const auto& limit : {options_.test_timeout, options_.slow})
    if (limit) shortest = std::min(shortest, *limit);
  return std::max(shortest / 10, kShortestInterval);
}

std::optional<Vigil::Sentence> Vigil::look_at(Worker& worker, Time now) {
  if (worker.state != Worker::State::kOpen || worker.condemned) return std::nullopt;
  if (!worker.running.empty()) return look_at_tests(worker, now);
  if (worker.asked()) return look_between_tests(worker, now);
  return std::nullopt;
}

std::optional<Vigil::Sentence> Vigil::look_at_tests(Worker& worker, Time now) {
  for (Worker::Running& test : worker.running) {
    const Time lasting = now - test.since;
    if (options_.test_timeout && lasting >= *options_.test_timeout) {
      return Sentence{test.test_id,
                      fmt::format("timed out after {} (--test-timeout){}",
                                  in_seconds(*options_.test_timeout), describe_load(worker))};
    }
    if (options_.slow && lasting >= *options_.slow && !test.slow_told) {
      test.slow_told = true;
      results_.happened(
          {.kind = Incident::Kind::kSlow,
           .worker = worker.number,
           .test_id = test.test_id,
           .text = fmt::format("has been running for {}{}", in_seconds(whole_seconds(lasting)),
                               describe_load(worker))});
    }
  }
  return std::nullopt;
}

std::optional<Vigil::Sentence> Vigil::look_between_tests(Worker& worker, Time now) {
  const Time lasting = now - worker.since;
  if (lasting >= kSuspicious && worker.session.version() >= 2 &&
      worker.ping == Worker::Ping::kNone) {
    worker.session.ping();
    worker.ping = Worker::Ping::kAsked;
  }
  const bool expired = options_.test_timeout && lasting >= std::max(*options_.test_timeout, kStuck);
  if (!expired && (lasting < kStuck || worker.stuck_told)) return std::nullopt;
  const std::string what = fmt::format(
      "the test server is stuck between tests: {} for {}{}{}",
      worker.listing ? "it has not answered List" : "tests wait, and none has been in progress",
      in_seconds(whole_seconds(lasting)), describe_load(worker), describe_ping(worker));
  if (expired) return Sentence{"", what};
  worker.stuck_told = true;
  results_.happened({.kind = Incident::Kind::kTrouble, .worker = worker.number, .text = what});
  return std::nullopt;
}

}  // namespace proxy
