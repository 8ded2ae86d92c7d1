#include "common/run/assignment/attribution.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/run/conclusion.h"
#include "common/run/remote/remote_servers.h"
#include "common/run/tags.h"

namespace subunit::run {

namespace {

constexpr Ending kCrashed{"crashed", kCrashedTag, true};
constexpr Ending kTimedOut{"timed out", kTimedOutTag, true};

/// A proxy's verdict on a test whose server has ended, or that of a server that runs a command.
bool is_verdict_of_proxy(const Packet& packet) {
  return packet.status == Status::kFail && packet.file && packet.file->name == "subunit-proxy";
}

/// `reason` was given to the proxy, whose verdict begins with it.
bool repeats(const Packet& packet, std::string_view reason) {
  return is_verdict_of_proxy(packet) && as_text(packet.file->content).starts_with(reason);
}

}  // namespace

void Attribution::opened(Worker& worker, Time now) {
  worker.round_trip = now - worker.signs.since;
  worker.record = {.has_answered = true,
                   .has_loaded = false,
                   .blamed = false,
                   .deaths = worker.record.deaths,
                   .fixtures = {}};
  worker.work.used = false;
  worker.timeout.reset();
  worker.signs.since = now;
  results_.running().clear(worker.number);
  const std::string text =
      worker.pid ? fmt::format("{}, process {}", worker.address, *worker.pid) : worker.address;
  results_.happened({.kind = Incident::Kind::kAttached, .worker = worker.number, .text = text},
                    now);
  added(worker, now);
}

void Attribution::added(Worker& worker, Time now) {
  if (assignment_.add(worker, now)) results_.expect(assignment_.tests());
}

void Attribution::record(Worker* worker, const Packet& packet,
                         std::optional<std::string_view> route, Time now) {
  const std::optional<WorkerNumber> number = worker ? std::optional(worker->number) : std::nullopt;
  const bool reports = packet.test_id && packet.status > Status::kExists;
  if (reports && !assignment_.may_report(worker, *packet.test_id)) {
    if (is_final(packet.status)) leave_out(*packet.test_id);
  } else if (reports && worker) {
    record(*worker, packet, route, now);
  } else {
    const int attempt = packet.test_id ? assignment_.retries().attempt(*packet.test_id) : 1;
    Results::Shape shape{.route = route, .attempt = attempt};
    if (worker && packet.test_id) shape.site = assignment_.site_of(*worker);
    results_.add(packet, number, shape, now);
  }
}

void Attribution::leave_out(std::string_view test_id) {
  ++uninvited_;
  const bool is_known = std::ranges::find(uninvited_tests_, test_id) != uninvited_tests_.end();
  if (!is_known && uninvited_tests_.size() < kMaxUninvited) uninvited_tests_.emplace_back(test_id);
}

std::string Attribution::uninvited() const {
  if (uninvited_ == 0) return "";
  return fmt::format(
      "{} came from a server that was not asked to run the test, or had said Done already, and {} "
      "not count: {}",
      uninvited_ == 1 ? "1 result" : fmt::format("{} results", uninvited_),
      uninvited_ == 1 ? "does" : "do", some_of({uninvited_tests_.begin(), uninvited_tests_.end()}));
}

void Attribution::record(Worker& worker, const Packet& packet,
                         std::optional<std::string_view> route, Time now) {
  const std::string_view id = *packet.test_id;
  worker.signs.since = now;
  worker.signs.ping = Worker::Ping::kNone;
  worker.signs.called_stuck = false;
  worker.record.has_loaded = true;
  worker.record.fixtures.record(packet);
  if (packet.status == Status::kInProgress) {
    assignment_.started(worker, id, now);
    const int attempt = assignment_.retries().attempt(id);
    return results_.add(packet, worker.number,
                        {.route = route, .site = assignment_.site_of(worker), .attempt = attempt},
                        now);
  }
  const bool was_running = results_.running().is_running(id, worker.number);
  const bool timed_out = worker.timeout && worker.timeout->test_id == id;
  if (timed_out && was_running && !repeats(packet, worker.timeout->reason))
    return fail_timed_out(worker, packet, now);
  if (is_verdict_of_proxy(packet)) {
    // It was only near when its server was replaced, and runs again.
    if (worker.timeout && !timed_out) {
      results_.running().end(id, worker.number);
      return;
    }
    if (was_running) {
      worker.record.blamed = true;
      return pass_on(worker, packet, route, timed_out ? kTimedOut : kCrashed, now);
    }
    if (assignment_.has(id) && !assignment_.owes(worker, id)) return;  // ours was faster
  }
  if (assignment_.owes(worker, id)) worker.record.deaths = 0;
  pass_on(worker, packet, route, {.text = is_failure(packet.status) ? "failed" : "passed"}, now);
}

// How tests end.

/// What the test's server, or the proxy on its behalf, says at its end.
void Attribution::pass_on(Worker& worker, const Packet& packet,
                          std::optional<std::string_view> route, const Ending& ending, Time now) {
  const std::string_view id = *packet.test_id;
  Results::Shape shape{.route = route,
                       .site = assignment_.site_of(worker),
                       .tag = ending.tag,
                       .attempt = assignment_.retries().attempt(id)};
  if (is_failure(packet.status)) {
    if (const auto attempt = failed_attempt(worker, id, packet.status, ending, now)) {
      shape.without_status = true;
      results_.add(packet, worker.number, shape, now);
      return results_.attempted(*attempt);
    }
  } else if (shape.attempt > 1 && packet.status != Status::kSkip) {
    shape.tag = kFlakyTag;
  }
  if (shape.attempt > 1) tell_attempts(worker, id, packet.status, ending, now);
  assignment_.ended(worker, id, now, ending.cut_short);
  results_.add(packet, worker.number, shape, now);
}

/// What we say.
void Attribution::fail(Worker& worker, std::string_view test_id, std::string_view reason,
                       const Ending& ending, Time now) {
  Results::End end{.test_id = test_id,
                   .reason = reason,
                   .tag = ending.tag,
                   .attempt = assignment_.retries().attempt(test_id),
                   .site = assignment_.site_of(worker)};
  if (const auto attempt = failed_attempt(worker, test_id, end.status, ending, now)) {
    end.without_status = true;
    results_.end(end, worker.number, now);
    return results_.attempted(*attempt);
  }
  if (end.attempt > 1) tell_attempts(worker, test_id, end.status, ending, now);
  assignment_.ended(worker, test_id, now, ending.cut_short);
  results_.end(end, worker.number, now);
}

/// Nothing: it was the last one.
std::optional<Attempt> Attribution::failed_attempt(Worker& worker, std::string_view test_id,
                                                   Status status, const Ending& ending, Time now) {
  if (worker.servers.lost() || !assignment_.can_run_again(worker, test_id)) return std::nullopt;
  Attempt attempt{.test_id = test_id,
                  .number = assignment_.retries().attempt(test_id),
                  .status = status,
                  .worker = worker.number,
                  .began = now,
                  .ended = now};
  for (const RunningTest& test : results_.running().of(worker.number))
    if (test.id == test_id) attempt.began = test.since;
  assignment_.failed_for_now(worker, test_id, ending.text, now, ending.cut_short);
  return attempt;
}

void Attribution::tell_attempts(Worker& worker, std::string_view test_id, Status status,
                                const Ending& ending, Time now) {
  const std::string story =
      assignment_.retries().story(test_id, worker.number, ending.text, !is_failure(status));
  results_.attach(test_id, "attempts", story, worker.number, now);
}

/// The server of a test that has used up its time was asked to end: however the test ends then, it
/// has failed.
void Attribution::fail_timed_out(Worker& worker, const Packet& packet, Time now) {
  std::string reason = worker.timeout->reason + "\n";
  if (packet.file) reason += as_text(packet.file->content);
  worker.record.blamed = true;
  fail(worker, *packet.test_id, reason, kTimedOut, now);
}

void Attribution::answered(Worker& worker, const std::string& nonce, Time now) {
  RunningTests& running = results_.running();
  for (const std::string& id : assignment_.settle(worker, nonce, now)) {
    const bool was_running = running.is_running(id, worker.number);
    if (!was_running) {
      if (const auto by_fixture = worker.record.fixtures.outcome(id)) {
        assignment_.close(worker, id);
        results_.end({.test_id = id,
                      .reason = by_fixture->reason,
                      .status = by_fixture->status,
                      .site = assignment_.site_of(worker)},
                     worker.number, now);
        continue;
      }
    }
    if (assignment_.stopped()) continue;  // it was not begun, or was broken off
    fail(worker, id,
         was_running ? "no result before Done: this test is still in progress\n"
                     : "no result before Done: the test server was asked to run this test "
                       "and has not reported how it ended\n",
         {.text = "had no result"}, now);
    if (!assignment_.retries().waits(id)) assignment_.close(worker, id);
  }
  worker.record.fixtures = {};  // the next Run sets up for itself
  // A fixture that has begun and not ended is not a test that hangs.
  if (worker.work.batches.empty()) running.clear(worker.number);
}

void Attribution::failed(Worker& worker, const std::string& nonce, std::string_view text,
                         Time now) {
  for (const std::string& id : assignment_.settle(worker, nonce, now)) {
    assignment_.close(worker, id);
    results_.end({.test_id = id,
                  .reason = fmt::format("the test server could not run this test: {}\n", text),
                  .site = assignment_.site_of(worker)},
                 worker.number, now);
  }
}

void Attribution::blame_running(Worker& worker, std::string_view why, Time now) {
  // What the proxy had not passed on is lost with the way to it: the test may have ended.
  std::string reason = fmt::format("{} while this test was in progress{}\n", why,
                                   worker.servers.lost() ? ", as far as was heard" : "");
  if (worker.timeout) {
    const std::string& first = worker.timeout->reason;
    reason =
        why.starts_with(first) ? fmt::format("{}\n", why) : fmt::format("{}; {}\n", first, why);
  }
  const auto in_progress = results_.running().of(worker.number);
  const RunningTests::Tests running(in_progress.begin(), in_progress.end());
  for (const RunningTest& test : running) {
    if (worker.timeout && worker.timeout->test_id != test.id) continue;
    worker.record.blamed = true;
    fail(worker, test.id, reason, worker.timeout ? kTimedOut : kCrashed, now);
  }
}

bool Attribution::give_up(std::size_t site, std::string_view why, Time now) {
  const auto tests = assignment_.give_up(site);
  const std::string reason = fmt::format("not run: {}\n", why);
  for (const std::string& id : tests)
    results_.end({.test_id = id, .reason = reason, .tag = kNotRunTag, .site = site}, std::nullopt,
                 now);
  return !tests.empty();
}

void Attribution::end_waiting(std::string_view why, Time now) {
  for (const Retries::Waiting& test : assignment_.take_waiting())
    results_.end({.test_id = test.id,
                  .reason = fmt::format("{}, and did not run again: {}\n", test.how, why)},
                 std::nullopt, now);
}

}  // namespace subunit::run
