// What the servers of a run say, and what becomes of that.

#include <algorithm>

#include "common/base/escape.h"
#include "proxy/posix/wall_clock.h"
#include "proxy/run/runner.h"

namespace proxy {

using subunit::Packet;
using subunit::Status;

namespace {

/// A proxy's verdict on a test whose server has ended, or that of a server that runs a command.
bool is_verdict_of_proxy(const Packet& packet) {
  return packet.status == Status::kFail && packet.file && packet.file->name == "subunit-proxy";
}

/// `reason` was given to the proxy, whose verdict begins with it.
bool tells(const Packet& packet, std::string_view reason) {
  return is_verdict_of_proxy(packet) && subunit::as_text(packet.file->content).starts_with(reason);
}

}  // namespace

void Runner::opened(Worker& worker) {
  const subunit::Time round_trip = precise_now() - worker.since;
  worker.has_opened = true;
  worker.used = false;
  worker.blamed = false;
  worker.condemned.reset();
  worker.running.clear();
  worker.fixtures = {};
  worker.since = precise_now();
  if (worker.remote.routed() || options_.channels.size() > 1) results_.set_tagged(true);
  results_.happened(
      {.kind = Incident::Kind::kAttached, .worker = worker.number, .text = worker.address});
  worker.round_trip = round_trip;
  if (dispatch_) dispatch_->add(worker, precise_now());
}

void Runner::result(Worker* worker, const Packet& packet, std::optional<std::string_view> route) {
  if (phase_ == Phase::kListing && packet.status == Status::kExists && packet.test_id) {
    if (!worker || !worker->listing) return;  // nobody has asked it
    list_entry(packet);
    if (!options_.list || !selection_.matches(*packet.test_id)) return;  // not what was asked for
  }
  plan_.record(packet);
  if (worker && packet.test_id && packet.status > Status::kExists && !record(*worker, packet))
    return;
  results_.add(packet, worker ? std::optional(worker->number) : std::nullopt, route);
}

void Runner::list_entry(const Packet& packet) {
  ++listed_in_all_;
  if (selection_.matches(*packet.test_id)) listed_.emplace_back(*packet.test_id);
}

/// Takes note of what a server is doing. False: the packet is not for the outputs.
bool Runner::record(Worker& worker, const Packet& packet) {
  const std::string_view id = *packet.test_id;
  worker.since = precise_now();
  worker.ping = Worker::Ping::kNone;
  worker.stuck_told = false;
  worker.fixtures.record(packet);
  if (packet.status == Status::kInProgress) {
    record_start(worker, id);
    return true;
  }
  const bool was_running = worker.forget_running(id);
  const bool is_condemned = worker.condemned && worker.condemned->test_id == id;
  if (is_condemned && was_running && !tells(packet, worker.condemned->reason)) {
    fail_condemned(worker, packet);
    return false;
  }
  if (is_verdict_of_proxy(packet)) {
    // It was only near when its server was replaced, and runs again.
    if (worker.condemned && !is_condemned) return false;
    if (was_running) {
      worker.blamed = true;
      if (dispatch_) dispatch_->ended(worker, id, precise_now(), true);
      return true;
    }
    if (dispatch_ && !dispatch_->owes(id)) return false;  // ours was faster
  }
  if (dispatch_ && dispatch_->ended(worker, id, precise_now())) worker.deaths = 0;
  return true;
}

/// The server of a test that has used up its time was asked to end: however the test ends then, it
/// has failed.
void Runner::fail_condemned(Worker& worker, const Packet& packet) {
  std::string reason = worker.condemned->reason + "\n";
  if (packet.file) reason += subunit::as_text(packet.file->content);
  worker.blamed = true;
  results_.fail(*packet.test_id, reason, worker.number);
  if (dispatch_) dispatch_->ended(worker, *packet.test_id, precise_now(), true);
}

void Runner::record_start(Worker& worker, std::string_view test_id) {
  const auto known = std::ranges::find(worker.running, test_id, &Worker::Running::test_id);
  if (known == worker.running.end() && worker.running.size() < Worker::kMaxRunning)
    worker.running.push_back({std::string(test_id), precise_now()});
  if (dispatch_) dispatch_->started(worker, test_id, precise_now());
}

void Runner::answered(Worker& worker, const std::string& nonce) {
  worker.since = precise_now();
  if (phase_ >= Phase::kLeaving) return;  // what was asked before an interrupt is still answered
  if (worker.listing == nonce) {
    worker.listing.reset();
    return start_run();
  }
  // What a server that was asked to end has not run is for the next one.
  if (!dispatch_ || worker.condemned) return;
  for (const std::string& id : dispatch_->settle(worker, nonce, precise_now())) {
    const bool was_running = worker.forget_running(id);
    subunit::Buffer by_fixture;
    if (!was_running && worker.fixtures.answer(id, wall_clock(), by_fixture)) {
      results_.add_own(by_fixture, worker.number);
      continue;
    }
    results_.fail(id,
                  was_running ? "no result before Done: this test is still in progress\n"
                              : "no result before Done: the test server was asked to run this test "
                                "and has not said how it ended\n",
                  worker.number);
  }
  worker.fixtures = {};  // the next Run sets up for itself
  // A fixture that has begun and not ended is no test that hangs.
  if (worker.batches.empty()) worker.running.clear();
}

void Runner::failed(Worker& worker, const std::optional<std::string>& nonce,
                    const std::string& text) {
  if (!nonce) return warn(&worker, fmt::format("the test server says: {}", text));
  if (phase_ >= Phase::kLeaving) return;
  if (worker.listing == *nonce) {
    worker.listing.reset();
    return leave_incomplete(fmt::format("the test server cannot list its tests: {}", text));
  }
  if (!dispatch_ || worker.condemned) return;
  for (const std::string& id : dispatch_->settle(worker, *nonce, precise_now())) {
    worker.forget_running(id);
    results_.fail(id, fmt::format("the test server could not run this test: {}\n", text),
                  worker.number);
  }
}

void Runner::gone(Worker& worker, const std::string& why) {
  const bool asked_for = worker.state == Worker::State::kStarting && !worker.condemned;
  if (!asked_for) {
    blame_running(worker, why);
    ++worker.deaths;
  }
  const bool before_done = !worker.batches.empty();
  worker.running.clear();
  worker.listing.reset();
  if (dispatch_) dispatch_->remove(worker, precise_now());
  if (phase_ >= Phase::kLeaving || asked_for) return;
  // No failed test, and no other run of one, will tell of it.
  if (before_done && !worker.blamed && dispatch_->done() && problem_.empty()) problem_ = why;
  // Starting again what has never worked is no use.
  if (!worker.has_opened) worker.state = Worker::State::kLost;
  results_.happened({.kind = Incident::Kind::kGone, .worker = worker.number, .text = why});
  if (!hopeful() && problem_.empty()) problem_ = why;
}

/// Those that the proxy has not failed: because there is none, or the link to it is lost.
void Runner::blame_running(Worker& worker, const std::string& why) {
  std::string reason = why + " while this test was in progress\n";
  if (worker.condemned) {
    const std::string& first = worker.condemned->reason;
    reason = (why.starts_with(first) ? why : fmt::format("{}; {}", first, why)) + "\n";
  }
  for (const Worker::Running& test : worker.running) {
    if (worker.condemned && worker.condemned->test_id != test.test_id) continue;
    worker.blamed = true;
    results_.fail(test.test_id, reason, worker.number);
    if (dispatch_) dispatch_->ended(worker, test.test_id, precise_now(), true);
  }
}

void Runner::lost(Remote& remote) {
  if (phase_ >= Phase::kLeaving) return;
  if (hopeful()) {
    warn(nullptr, fmt::format("the channel \"{}\" is lost, the run goes on without it: {}",
                              remote.name(), remote.problem()));
  } else if (problem_.empty() || options_.channels.size() == 1) {
    problem_ = remote.problem();
  }
}

void Runner::over(Remote& remote) {
  const bool news = phase_ == Phase::kLeaving && completed_ && !remote.was_lost();
  if (problem_.empty() && news) problem_ = remote.problem();
  proceed();
}

void Runner::batch() {
  results_.flush();
  proceed();
  regulate();
}

}  // namespace proxy
