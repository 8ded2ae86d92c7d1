#include "common/run/attribution.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/run/conclusion.h"

namespace subunit::run {

namespace {

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
  worker.record = {
      .has_answered = true, .blamed = false, .deaths = worker.record.deaths, .fixtures = {}};
  worker.work.used = false;
  worker.timeout.reset();
  worker.signs.since = now;
  results_.running().clear(worker.number);
  results_.happened(
      {.kind = Incident::Kind::kAttached, .worker = worker.number, .text = worker.address}, now);
  assignment_.add(worker, now);
}

bool Attribution::record(Worker* worker, const Packet& packet, Time now) {
  if (!assignment_.may_report(worker, *packet.test_id)) {
    if (is_final(packet.status)) leave_out(*packet.test_id);
    return false;
  }
  return !worker || record(*worker, packet, now);
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

bool Attribution::record(Worker& worker, const Packet& packet, Time now) {
  const std::string_view id = *packet.test_id;
  worker.signs.since = now;
  worker.signs.ping = Worker::Ping::kNone;
  worker.signs.called_stuck = false;
  worker.record.fixtures.record(packet);
  if (packet.status == Status::kInProgress) {
    assignment_.started(worker, id, now);
    return true;
  }
  const bool was_running = results_.running().is_running(id, worker.number);
  const bool timed_out = worker.timeout && worker.timeout->test_id == id;
  if (timed_out && was_running && !repeats(packet, worker.timeout->reason)) {
    fail_timed_out(worker, packet, now);
    return false;
  }
  if (is_verdict_of_proxy(packet)) {
    // It was only near when its server was replaced, and runs again.
    if (worker.timeout && !timed_out) {
      results_.running().end(id, worker.number);
      return false;
    }
    if (was_running) {
      worker.record.blamed = true;
      assignment_.ended(worker, id, now, true);
      return true;
    }
    if (assignment_.has(id) && !assignment_.owes(id)) return false;  // ours was faster
  }
  if (assignment_.ended(worker, id, now)) worker.record.deaths = 0;
  return true;
}

/// The server of a test that has used up its time was asked to end: however the test ends then, it
/// has failed.
void Attribution::fail_timed_out(Worker& worker, const Packet& packet, Time now) {
  std::string reason = worker.timeout->reason + "\n";
  if (packet.file) reason += as_text(packet.file->content);
  worker.record.blamed = true;
  results_.end(*packet.test_id, reason, worker.number, now);
  assignment_.ended(worker, *packet.test_id, now, true);
}

void Attribution::answered(Worker& worker, const std::string& nonce, Time now) {
  RunningTests& running = results_.running();
  for (const std::string& id : assignment_.settle(worker, nonce, now)) {
    const bool was_running = running.is_running(id, worker.number);
    if (!was_running) {
      if (const auto by_fixture = worker.record.fixtures.outcome(id)) {
        results_.end(id, by_fixture->reason, worker.number, now, by_fixture->status);
        continue;
      }
    }
    results_.end(id,
                 was_running ? "no result before Done: this test is still in progress\n"
                             : "no result before Done: the test server was asked to run this test "
                               "and has not reported how it ended\n",
                 worker.number, now);
  }
  worker.record.fixtures = {};  // the next Run sets up for itself
  // A fixture that has begun and not ended is not a test that hangs.
  if (worker.work.batches.empty()) running.clear(worker.number);
}

void Attribution::failed(Worker& worker, const std::string& nonce, std::string_view text,
                         Time now) {
  for (const std::string& id : assignment_.settle(worker, nonce, now))
    results_.end(id, fmt::format("the test server could not run this test: {}\n", text),
                 worker.number, now);
}

void Attribution::blame_running(Worker& worker, std::string_view why, Time now) {
  std::string reason = fmt::format("{} while this test was in progress\n", why);
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
    results_.end(test.id, reason, worker.number, now);
    assignment_.ended(worker, test.id, now, true);
  }
}

}  // namespace subunit::run
