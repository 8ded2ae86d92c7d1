#include "proxy/run/runner.h"

#include <algorithm>
#include <csignal>

#include "common/base/escape.h"
#include "common/verdict/fixture.h"
#include "proxy/run/trace_output.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Result;

namespace {

// After Goodbye, the servers and everything between end by themselves; a server takes its time to
// run its exit handlers.
constexpr auto kGoodbyePatience = seconds(10);
constexpr auto kInterruptPatience = seconds(2);  // somebody has pressed ^C and is waiting
constexpr auto kImpatientGrace = seconds(1);
constexpr std::size_t kMaxReason = 200;
constexpr std::size_t kMaxNamed = 5;  // ids in a warning

std::string some_of(const auto& ids) {
  std::string text;
  for (const auto& id : ids) {
    if (&id - ids.data() == kMaxNamed) return text + ", ...";
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", subunit::escaped(id));
  }
  return text;
}

}  // namespace

Runner::Runner(uv_loop_t& loop, const RunOptions& options, const Selection& selection, Plan& plan,
               Fd out, const Log& log)
    : loop_(loop),
      options_(options),
      selection_(selection),
      plan_(plan),
      log_(log),
      started_(precise_now()),
      out_(loop, std::move(out),
           {.progress = [this] { regulate(); },
            .failed = [this](const subunit::Error& error) { output_failed(error.text); }}),
      vigil_(options, results_),
      interrupt_(loop, SIGINT, [this] { interrupt(); }),
      terminate_(loop, SIGTERM, [this] { interrupt(); }),
      hangup_(loop, SIGHUP, [this] { interrupt(); }),
      pulse_(loop, [this] { look(); }),
      dispatch_timer_(loop, [this] { proceed(); }),
      numbers_(options.channels.size()) {
  const RunView view{results_.ledger(), [this]() -> std::optional<subunit::Time> {
                       return dispatch_ ? dispatch_->time_left(precise_now()) : std::nullopt;
                     }};
  results_.add_output(make_output(options, out_, view, loop, log));
}

Result<> Runner::start() {
  if (options_.trace) {
    auto trace = make_trace_output(*options_.trace, loop_, log_);
    if (!trace) return tl::unexpected(trace.error());
    results_.add_output(std::move(*trace));
  }
  if (selection_.named() && !options_.list) results_.expect(*selection_.named());
  Result<> failure;
  for (const auto& command : options_.channels) {
    Remote::Owner& owner = *this;
    Remote& remote = remotes_.emplace_back(loop_, options_, command, owner, log_);
    auto started = remote.start();
    if (started) continue;
    if (options_.channels.size() > 1) log_.warning("{}", started.error().text);
    failure = std::move(started);
  }
  if (std::ranges::all_of(remotes_, &Remote::over)) return failure;
  pulse_.start(vigil_.interval());
  return {};
}

// What is to be done next.

/// Called whenever something has changed.
void Runner::proceed() {
  if (phase_ == Phase::kOver) return;
  if (phase_ == Phase::kLeaving) {
    if (std::ranges::all_of(remotes_, &Remote::over)) conclude();
    return;
  }
  if (!hopeful()) return leave_incomplete(problem_);
  if (phase_ == Phase::kRunning) return run();
  bool asked = false;
  each_worker([&](Worker& worker) { asked |= worker.listing.has_value(); });
  if (asked) return;
  if (phase_ == Phase::kOpening && !options_.list && !selection_.needs_list()) {
    each_worker([&](Worker& worker) { asked |= worker.state == Worker::State::kOpen; });
    if (asked) start_run();
    return;
  }
  list();
}

void Runner::list() {
  Worker* open = nullptr;
  each_worker([&open](Worker& worker) {
    if (!open && worker.state == Worker::State::kOpen) open = &worker;
  });
  if (!open) return revive();
  if (options_.list && listed_in_all_ > 0)
    return leave_incomplete("the test server has ended in the middle of its list");
  phase_ = Phase::kListing;
  listed_.clear();
  listed_in_all_ = 0;
  auto nonce = open->session.list(options_.list ? selection_.named() : std::nullopt);
  if (!nonce) return leave_incomplete(nonce.error().text);
  open->listing = std::move(*nonce);
  open->since = precise_now();
  open->remote.send_pending(*open);
}

/// Which tests to run is known now.
void Runner::start_run() {
  if (options_.list) {
    results_.expect({});
    completed_ = true;
    return leave();
  }
  const bool all = !selection_.named() && !selection_.filters();
  if (!selection_.named() && listed_.empty() && selection_.filters()) {
    log_.error("none of the {} tests matches: nothing to run", listed_in_all_);
    nothing_matched_ = completed_ = true;
    return leave();
  }
  if (!selection_.named()) results_.expect(listed_);
  bool routed = false;
  each_worker([&](Worker& worker) { routed |= worker.remote.routed(); });
  const bool one_server = options_.channels.size() == 1 && !routed;
  RunList list(selection_.named() ? selection_.arranged(listed_) : std::move(listed_));
  if (const auto repeated = list.repeated(); !repeated.empty()) {
    log_.warning("{} ids are listed more than once, and each is asked for once: {}",
                 repeated.size(), some_of(repeated));
  }
  auto dispatcher = plan_.make_dispatcher(list.ids, one_server);
  if (!dispatcher) return leave_incomplete(dispatcher.error().text);
  dispatch_.emplace(std::move(list), std::move(*dispatcher),
                    [this](const Worker& worker, const std::vector<std::string>& ids) {
                      plan_.sent(precise_now() - started_, worker.number, ids);
                    });
  if (all && one_server) dispatch_->ask_for_all_at_once();
  phase_ = Phase::kRunning;
  each_worker([this](Worker& worker) {
    if (worker.state == Worker::State::kOpen) dispatch_->add(worker, precise_now());
  });
  proceed();
}

void Runner::run() {
  bool busy = false;
  each_worker([&](Worker& worker) {
    feed(worker);
    busy |= worker.asked();
  });
  if (phase_ != Phase::kRunning) return;  // something could not be sent
  if (dispatch_->done() && !busy) {
    completed_ = true;
    return leave();
  }
  if (dispatch_->waiting() > 0) revive();
  if (const auto deadline = dispatch_->next_deadline()) {
    dispatch_timer_.start(std::max(*deadline - precise_now(), subunit::Time(0)));
  } else {
    dispatch_timer_.stop();
  }
}

void Runner::feed(Worker& worker) {
  if (phase_ != Phase::kRunning || worker.state != Worker::State::kOpen || worker.condemned ||
      !worker.dispatched)
    return;
  if (options_.isolated && worker.used) return recycle(worker);
  for (;;) {
    const auto fed = dispatch_->feed(worker, precise_now());
    if (!fed) return leave_incomplete(fed.error().text);
    if (!*fed) break;
    worker.used = true;
  }
  worker.remote.send_pending(worker);
}

/// After each test, if each is to have a server of its own.
void Runner::recycle(Worker& worker) {
  if (!worker.batches.empty() || dispatch_->waiting() == 0) return;
  if (!worker.remote.can_respawn(worker)) {
    return leave_incomplete(
        "--isolated needs a proxy that starts the test server, and can start it again");
  }
  dispatch_->remove(worker, precise_now());
  if (worker.remote.routed()) {
    worker.session.goodbye();
    worker.remote.send_pending(worker);
  }
  worker.state = Worker::State::kStarting;
  worker.remote.respawn(worker, "each test gets a server of its own (--isolated)");
}

/// Starts again the servers that have died, since there is something for them to do.
void Runner::revive() {
  each_worker([this](Worker& worker) {
    if (worker.state != Worker::State::kGone) return;
    if (worker.deaths < Worker::kMostDeaths)
      return worker.remote.respawn(worker, "tests wait for this server");
    worker.state = Worker::State::kLost;
    const std::string what = fmt::format(
        "the test server has died {} times in a row without finishing a test, and is given up",
        Worker::kMostDeaths);
    warn(&worker, what);
    if (!hopeful() && problem_.empty()) problem_ = what;
  });
  if (!hopeful()) leave_incomplete(problem_);
}

bool Runner::hopeful() const {
  return std::ranges::any_of(remotes_, &Remote::hopeful);
}

// The end.

void Runner::leave() {
  phase_ = Phase::kLeaving;
  dispatch_timer_.stop();
  for (Remote& remote : remotes_) remote.leave(kGoodbyePatience);
  proceed();
}

void Runner::leave_incomplete(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
  completed_ = false;
  leave();
}

void Runner::interrupt() {
  if (phase_ == Phase::kOver) return output_failed("nobody waits for the rest");
  if (++interrupts_ > 1) {
    for (Remote& remote : remotes_) remote.hang_up(kImpatientGrace);
    return;
  }
  if (problem_.empty()) problem_ = "interrupted";
  completed_ = false;
  const bool was_leaving = phase_ == Phase::kLeaving;
  phase_ = Phase::kLeaving;
  dispatch_timer_.stop();
  for (Remote& remote : remotes_) {
    bool open = false;
    for (Worker& worker : remote.workers()) {
      if (worker.state != Worker::State::kOpen) continue;
      open = true;
      if (was_leaving || worker.session.version() < 2) continue;
      for (const Worker::Batch& batch : worker.batches) worker.session.cancel(batch.nonce);
      worker.remote.send_pending(worker);
    }
    open ? remote.leave(kInterruptPatience) : remote.give_up(problem_);
  }
  proceed();
}

void Runner::conclude() {
  phase_ = Phase::kOver;
  pulse_.stop();
  fail_missing();
  completed_ = completed_ && problem_.empty();
  if (completed_) report_differences();
  results_.finish(completed_);
  if (!problem_.empty()) log_.error("{}", problem_);
  if (const auto saved = plan_.save(); !saved) log_.error("{}", saved.error().text);
  out_.finish();
}

/// Every test that was asked for gets an end: those in progress, and those that never started.
void Runner::fail_missing() {
  const std::string why = problem_.empty() ? "the run ended" : problem_;
  const auto running = results_.ledger().in_progress();
  for (const std::string& id : running)
    results_.fail(id, why + " while this test was in progress\n");
  // There may be as many of these as tests, so each says it in a line.
  const std::string reason = fmt::format("not run: {}\n", why.substr(0, kMaxReason));
  for (const std::string_view id : results_.ledger().missing()) results_.fail(id, reason);
}

/// Tests that ran and were not listed, or the other way round.
void Runner::report_differences() {
  if (options_.list) return;
  const auto warn_of = [this](const subunit::verdict::Ledger::Ids& ids, std::string_view what) {
    if (ids.empty()) return;
    log_.warning("{} {}: {}", ids.size() == 1 ? "1 test" : fmt::format("{} tests", ids.size()),
                 what, some_of(ids));
  };
  auto unexpected = results_.ledger().unexpected();
  std::erase_if(unexpected, subunit::verdict::is_fixture);  // nobody asks for these
  warn_of(results_.ledger().repeated(), "ended more than once");
  warn_of(unexpected, "ran though they were not asked for");
}

void Runner::regulate() {
  const bool full = out_.congested();
  for (Remote& remote : remotes_) remote.set_flow(!full);
  if (full == paused_at_.has_value()) return;
  if (full) {
    paused_at_ = precise_now();
    return;
  }
  // What we did not read counts as nobody's silence.
  const subunit::Time pause = precise_now() - *paused_at_;
  paused_at_.reset();
  each_worker([pause](Worker& worker) {
    worker.since += pause;
    for (Worker::Running& test : worker.running) test.since += pause;
  });
}

void Runner::warn(const Worker* worker, const std::string& text) {
  results_.happened({.kind = Incident::Kind::kTrouble,
                     .worker = worker ? std::optional(worker->number) : std::nullopt,
                     .text = text});
}

void Runner::output_failed(std::string_view why) {
  output_lost_ = true;
  const std::string problem = fmt::format("cannot write the results to stdout: {}", why);
  if (phase_ == Phase::kOver) {
    log_.error("{}", problem);
    return out_.close();
  }
  if (problem_.empty()) problem_ = problem;
  completed_ = false;
  phase_ = Phase::kLeaving;
  for (Remote& remote : remotes_) remote.give_up(problem);
  proceed();
}

int Runner::exit_status() const {
  if (!completed_ || output_lost_) return 3;
  if (nothing_matched_) return 2;
  if (options_.verdict == Verdict::kOfStream) return 0;
  return results_.ledger().failures() > 0 ? 1 : 0;
}

}  // namespace proxy
