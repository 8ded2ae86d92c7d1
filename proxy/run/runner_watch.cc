// What takes too long in a run, and what becomes of that.

#include <set>

#include "common/base/escape.h"
#include "proxy/run/runner.h"

namespace proxy {

using std::chrono::seconds;
using subunit::in_seconds;

namespace {

// For the proxy to end a server, whose grace is 5 s unless told otherwise, and to tell of it.
constexpr auto kReplacePatience = seconds(20);
// Servers that are started together come one after the other.
constexpr auto kIdlePatience = seconds(1);

}  // namespace

/// Every now and then: is anything taking too long?
void Runner::look() {
  pulse_.start(vigil_.interval());
  for (Remote& remote : remotes_) remote.pulse();
  if (phase_ < Phase::kLeaving && !paused_at_) {
    each_worker([this](Worker& worker) {
      if (worker.condemned && precise_now() >= worker.condemned_until)
        return abandon(worker, fmt::format("the proxy did not replace the test server within {}",
                                           in_seconds(kReplacePatience)));
      if (const auto sentence = vigil_.look_at(worker, precise_now()))
        return replace(worker, *sentence);
      if (worker.state == Worker::State::kOpen) worker.remote.send_pending(worker);
    });
  }
  results_.flush();
  proceed();
  if (phase_ == Phase::kRunning) look_for_idleness();
}

/// Tests may wait for a server that never comes: a schedule can name more than there are.
void Runner::look_for_idleness() {
  bool busy = false;
  each_worker([&busy](const Worker& worker) {
    busy |= worker.asked() || worker.state == Worker::State::kGreeting ||
            worker.state == Worker::State::kStarting;
  });
  if (busy) return idle_since_.reset();
  if (!idle_since_) idle_since_ = precise_now();
  const subunit::Time idle = precise_now() - *idle_since_;
  if (idle < options_.attach_timeout) {
    if (idle >= kIdlePatience && !idleness_told_) tell_of_idleness();
    return;
  }
  leave_incomplete(
      fmt::format("{} tests wait for a test server that is not there, and has not come within {} "
                  "(--attach-timeout){}",
                  dispatch_->waiting(), in_seconds(options_.attach_timeout),
                  options_.replay ? ": --replay needs as many servers as the schedule names" : ""));
}

void Runner::tell_of_idleness() {
  idleness_told_ = true;
  std::set<WorkerNumber> missing = plan_.replayed_workers();
  each_worker([&missing](const Worker& worker) {
    if (worker.state != Worker::State::kLost) missing.erase(worker.number);
  });
  std::string whom;
  for (const WorkerNumber number : missing)
    whom += fmt::format("{}worker-{}", whom.empty() ? "" : ", ", number);
  warn(nullptr, fmt::format("{} tests wait for {}, not there yet: the run waits for {} "
                            "(--attach-timeout), then it ends",
                            dispatch_->waiting(), whom.empty() ? "a test server" : whom,
                            in_seconds(options_.attach_timeout)));
}

void Runner::replace(Worker& worker, const Vigil::Sentence& sentence) {
  warn(&worker, sentence.test_id.empty() ? sentence.reason
                                         : fmt::format("{}: \"{}\"", sentence.reason,
                                                       subunit::escaped(sentence.test_id)));
  worker.condemned = sentence;
  worker.condemned_until = precise_now() + kReplacePatience;
  if (!worker.remote.can_respawn(worker)) return abandon(worker, sentence.reason);
  worker.remote.respawn(worker, sentence.reason);
}

/// It could not be replaced: nothing it says counts any more.
void Runner::abandon(Worker& worker, const std::string& why) {
  worker.state = Worker::State::kLost;
  gone(worker, why);
  worker.condemned.reset();
  if (!worker.remote.hopeful()) worker.remote.give_up(why);
}

}  // namespace proxy
