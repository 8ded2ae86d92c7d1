#include "common/run/test_run.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"

namespace subunit::run {

using std::chrono::seconds;

namespace {

// After Goodbye, the servers and everything between end by themselves; a server takes its time to
// run its exit handlers.
constexpr Time kGoodbyeTimeout = seconds(10);
constexpr Time kImpatientGrace = seconds(1);

}  // namespace

TestRun::TestRun(const Options& options, Plan& plan, std::size_t channels, Time now)
    : options_(options),
      plan_(plan),
      channels_(channels),
      started_(now),
      now_(now),
      assignment_([this](const Worker& worker, const std::vector<std::string>& ids) {
        plan_.sent(now_ - started_, worker.number, ids);
      }),
      attribution_(results_, assignment_),
      watchdog_(options, results_),
      idle_watch_(options, plan),
      numbers_(channels),
      next_look_(now + watchdog_.interval()) {}

RemoteProxy& TestRun::add_channel(RemoteProxy::Channel channel) {
  RemoteProxy::Owner& owner = *this;
  return remotes_.emplace_back(options_, std::move(channel), owner, numbers_);
}

void TestRun::start(Time now) {
  now_ = now;
  if (plan_.named() && !options_.list) results_.expect(*plan_.named());
  for (RemoteProxy& remote : remotes_)
    if (!remote.over()) remote.start(now);
}

// What comes from outside.

/// Something has come. If nothing had for long, nobody knows what its servers have done since, and
/// that is not held against their tests.
void TestRun::heard(RemoteProxy& from, Time now) {
  now_ = now;
  const Time silence = from.silence(now);
  from.heard(now);
  if (silence == Time(0)) return;
  for (Worker& worker : from.workers()) {
    worker.signs.since += silence;
    worker.replaced_by += silence;
    results_.running().postpone(silence, worker.number);
  }
}

void TestRun::arrived(RemoteProxy& from, Time now) {
  heard(from, now);
  settle();
}

void TestRun::channel_ended(RemoteProxy& channel, std::string_view how, Time now) {
  now_ = now;
  channel.channel_ended(how, now);
  results_.flush();
}

void TestRun::set_flow(bool on, Time now) {
  now_ = now;
  for (RemoteProxy& remote : remotes_) remote.set_flow(on, now);
  interruption_.set_unread(!on, now);
  if (!on) {
    if (!paused_at_) paused_at_ = now;
  } else if (paused_at_) {
    // What we did not read counts as nobody's silence.
    const Time pause = now - *paused_at_;
    paused_at_.reset();
    each_worker([pause](Worker& worker) { worker.signs.since += pause; });
    results_.running().postpone(pause);
  }
}

std::optional<Time> TestRun::next_deadline() const {
  std::optional<Time> next;
  for (const RemoteProxy& remote : remotes_) next = earlier(next, remote.next_deadline());
  if (phase_ < Phase::kLeaving) next = earlier(next, next_look_);
  if (phase_ == Phase::kLeaving) next = earlier(next, interruption_.next_deadline());
  return phase_ == Phase::kRunning ? earlier(next, assignment_.next_deadline()) : next;
}

void TestRun::tick(Time now) {
  now_ = now;
  for (RemoteProxy& remote : remotes_) remote.tick(now);
  if (now >= next_look_) look();
  if (phase_ == Phase::kLeaving) end_after_interrupt();
  settle();
}

void TestRun::settle() {
  results_.flush();
  proceed();
  results_.flush();
}

// From the channels.

void TestRun::opened(Worker& worker) {
  if (worker.servers.routed() || channels_ > 1) results_.set_tagged(true);
  attribution_.opened(worker, now_);
}

void TestRun::result(Worker* worker, const Packet& packet, std::optional<std::string_view> route) {
  if (phase_ == Phase::kListing && packet.status == Status::kExists && packet.test_id) {
    if (!worker || !worker->work.listing) return;  // nobody has asked it
    worker->signs.since = now_;
    if (plan_.listed() >= rpc::kMaxTestIds)
      return break_off(fmt::format("the test server lists more than {} tests", rpc::kMaxTestIds));
    const bool is_wanted = plan_.add_listed(*packet.test_id);
    if (!options_.list || !is_wanted) return;
  }
  plan_.record(packet);
  if (packet.test_id && packet.status > Status::kExists &&
      !attribution_.record(worker, packet, now_))
    return;
  results_.add(packet, worker ? std::optional(worker->number) : std::nullopt, route, now_);
}

void TestRun::answered(Worker& worker, const std::string& nonce) {
  worker.signs.since = now_;
  if (phase_ >= Phase::kLeaving) return;  // what was asked before an interrupt is still answered
  if (worker.work.listing == nonce) {
    worker.work.listing.reset();
    return start_tests();
  }
  // What a server that was asked to end has not run is for the next one.
  if (!worker.timeout) attribution_.answered(worker, nonce, now_);
}

void TestRun::failed(Worker& worker, const std::optional<std::string>& nonce,
                     const std::string& text) {
  if (!nonce) return warn(&worker, fmt::format("the test server reports: {}", text));
  if (phase_ >= Phase::kLeaving) return;
  if (worker.work.listing == *nonce) {
    worker.work.listing.reset();
    return break_off(fmt::format("the test server cannot list its tests: {}", text));
  }
  if (!worker.timeout) attribution_.failed(worker, *nonce, text, now_);
}

void TestRun::gone(Worker& worker, const std::string& why, bool expected) {
  if (!expected) {
    attribution_.blame_running(worker, why, now_);
    worker.record.deaths = worker.record.blamed ? 0 : worker.record.deaths + 1;
  }
  const bool before_done = !worker.work.batches.empty();
  worker.work.listing.reset();
  assignment_.remove(worker, now_);
  if (phase_ < Phase::kLeaving && !expected) {
    // No failed test, and no other run of one, will tell of it.
    if (before_done && !worker.record.blamed && assignment_.done()) conclusion_.add_problem(why);
    results_.happened({.kind = Incident::Kind::kGone, .worker = worker.number, .text = why}, now_);
    if (!can_progress()) conclusion_.add_problem(why);
  }
  worker.record.blamed = false;
  results_.running().clear(worker.number);
}

bool TestRun::forgives(const Worker* worker, const std::string& why) {
  if (!conclusion_.is_answered()) return false;
  warn(worker, fmt::format("{}; all results had come before that", why));
  return true;
}

void TestRun::lost(RemoteProxy& remote) {
  if (phase_ >= Phase::kLeaving) return;
  if (can_progress()) {
    warn(nullptr, fmt::format("lost the channel \"{}\"; the run goes on without it: {}",
                              remote.name(), remote.problem()));
  } else if (channels_ == 1) {
    conclusion_.set_problem(remote.problem());
  } else {
    conclusion_.add_problem(remote.problem());
  }
}

void TestRun::over(RemoteProxy& remote) {
  if (phase_ == Phase::kLeaving && conclusion_.is_answered() && !remote.was_lost())
    conclusion_.add_problem(remote.problem());
  proceed();
}

// What is to be done next.

/// Called whenever something has changed.
void TestRun::proceed() {
  if (phase_ == Phase::kOver) return;
  if (phase_ == Phase::kLeaving) {
    if (std::ranges::all_of(remotes_, [](const RemoteProxy& remote) { return remote.over(); }))
      conclude();
    return;
  }
  if (!can_progress()) return break_off(why_not());
  if (phase_ == Phase::kRunning) return run_tests();
  bool asked = false;
  each_worker([&asked](Worker& worker) { asked |= worker.work.listing.has_value(); });
  if (asked) return;
  if (phase_ == Phase::kOpening && !options_.list && !plan_.needs_list()) {
    each_worker([&asked](Worker& worker) { asked |= worker.is_open(); });
    if (asked) start_tests();
    return;
  }
  list();
}

void TestRun::list() {
  Worker* open = nullptr;
  each_worker([&open](Worker& worker) {
    if (!open && worker.is_open()) open = &worker;
  });
  if (!open) return restart_servers();
  if (options_.list && plan_.listed() > 0)
    return break_off("the test server ended before it had listed all tests");
  phase_ = Phase::kListing;
  plan_.start_list();
  auto nonce = open->session.list(options_.list ? plan_.named() : std::nullopt);
  if (!nonce) return break_off(nonce.error().text);
  open->work.listing = std::move(*nonce);
  open->signs.since = now_;
}

/// Which tests to run is known now.
void TestRun::start_tests() {
  if (options_.list) {
    results_.expect({});
    conclusion_.answered();
    return leave();
  }
  std::vector<std::string> tests = plan_.take_tests();
  if (!plan_.named() && tests.empty() && plan_.filters()) {
    conclusion_.nothing_matched();
    const std::string text =
        fmt::format("none of the {} tests matches --match: nothing to run", plan_.listed());
    results_.happened({.kind = Incident::Kind::kError, .text = text}, now_);
    return leave();
  }
  if (!plan_.named()) results_.expect(tests);
  bool routed = false;
  each_worker([&routed](Worker& worker) { routed |= worker.servers.routed(); });
  const bool one_server = channels_ == 1 && !routed;
  RunList list(std::move(tests));
  if (const auto repeated = list.repeated(); !repeated.empty()) {
    warn(nullptr, fmt::format("{} test ids are listed more than once; each is requested once: {}",
                              repeated.size(), some_of({repeated.begin(), repeated.end()})));
  }
  auto dispatcher = plan_.make_dispatcher(list.ids, one_server);
  if (!dispatcher) return break_off(dispatcher.error().text);
  const bool all = one_server && !plan_.named() && !plan_.filters();
  assignment_.begin(std::move(list), std::move(*dispatcher), all);
  phase_ = Phase::kRunning;
  each_worker([this](Worker& worker) {
    if (worker.is_open()) assignment_.add(worker, now_);
  });
  proceed();
}

void TestRun::run_tests() {
  bool busy = false;
  each_worker([&](Worker& worker) {
    feed(worker);
    busy |= worker.work.asked();
  });
  if (phase_ != Phase::kRunning) return;  // something could not be sent
  if (assignment_.done() && !busy) {
    conclusion_.answered();
    return leave();
  }
  if (assignment_.waiting() > 0) restart_servers();
}

void TestRun::feed(Worker& worker) {
  if (phase_ != Phase::kRunning || !worker.is_open() || !worker.work.id) return;
  if (options_.isolated && worker.work.used) return recycle(worker);
  for (;;) {
    const auto fed = assignment_.feed(worker, now_);
    if (!fed) return break_off(fed.error().text);
    if (!*fed) return;
  }
}

/// After each test, if each is to have a server of its own.
void TestRun::recycle(Worker& worker) {
  if (!worker.work.batches.empty() || assignment_.waiting() == 0) return;
  if (!worker.servers.can_restart(worker))
    return break_off(
        "--isolated needs a proxy that started the test server and can start it again: use `serve "
        "-- COMMAND`");
  assignment_.remove(worker, now_);
  if (worker.servers.routed()) worker.session.goodbye();
  worker.servers.restart(worker, Worker::Step::kRecycle,
                         "each test gets a server of its own (--isolated)");
}

/// Those that have died, since there is something for them to do.
void TestRun::restart_servers() {
  each_worker([this](Worker& worker) {
    if (worker.state() != Worker::State::kGone) return;
    if (worker.record.deaths < Worker::kMaxDeaths)
      return worker.servers.restart(worker, Worker::Step::kRestart,
                                    "tests are waiting for this server");
    worker.go(Worker::Step::kLose);
    const std::string what = fmt::format(
        "the test server died {} times in a row with no test in progress that could be the cause; "
        "it is not started again",
        Worker::kMaxDeaths);
    warn(&worker, what);
    if (!can_progress()) conclusion_.add_problem(what);
  });
  if (!can_progress()) break_off(why_not());
}

bool TestRun::may_be_asking() const {
  return std::ranges::any_of(remotes_,
                             [](const RemoteProxy& remote) { return remote.may_be_asking(); });
}

bool TestRun::can_progress() const {
  return std::ranges::any_of(remotes_,
                             [](const RemoteProxy& remote) { return remote.can_progress(); });
}

/// There is no server, and none will come.
std::string TestRun::why_not() const {
  for (const RemoteProxy& remote : remotes_)
    if (!remote.problem().empty()) return remote.problem();
  return "no test server is left";
}

// What takes too long.

/// Every now and then.
void TestRun::look() {
  next_look_ = now_ + watchdog_.interval();
  if (phase_ >= Phase::kLeaving || paused_at_) return;
  for (RemoteProxy& remote : remotes_) {
    if (remote.silence(now_) > Time(0)) continue;
    for (Worker& worker : remote.workers()) watchdog_.look(worker, now_);
  }
  results_.flush();
  proceed();
  if (phase_ == Phase::kRunning) look_for_idleness();
}

void TestRun::look_for_idleness() {
  bool busy = false;
  std::set<WorkerNumber> present;
  each_worker([&](const Worker& worker) {
    busy |= worker.work.asked() || (worker.can_progress() && !worker.is_open());
    if (worker.state() != Worker::State::kLost) present.insert(worker.number);
  });
  const auto found = idle_watch_.look(busy, present, assignment_.waiting(), now_);
  if (!found.warning.empty()) warn(nullptr, found.warning);
  if (!found.problem.empty()) break_off(found.problem);
}

void TestRun::warn(const Worker* worker, const std::string& text) {
  results_.happened({.kind = Incident::Kind::kTrouble,
                     .worker = worker ? std::optional(worker->number) : std::nullopt,
                     .text = text},
                    now_);
}

// The end.

void TestRun::leave() {
  phase_ = Phase::kLeaving;
  for (RemoteProxy& remote : remotes_) remote.leave(kGoodbyeTimeout);
  proceed();
}

void TestRun::break_off(std::string_view problem) {
  conclusion_.add_problem(problem);
  conclusion_.broken_off();
  leave();
}

void TestRun::interrupt(Time now) {
  now_ = now;
  if (interruption_.begun()) {
    for (RemoteProxy& remote : remotes_) remote.hang_up(kImpatientGrace);
    return;
  }
  interruption_.begin(now, paused_at_.has_value());
  conclusion_.add_problem("interrupted");
  conclusion_.broken_off();
  const bool was_leaving = phase_ == Phase::kLeaving;
  phase_ = Phase::kLeaving;
  for (RemoteProxy& remote : remotes_) {
    const bool answers = was_leaving ? remote.answers() : remote.cancel();
    answers ? remote.leave(Interruption::kTimeout) : remote.give_up(conclusion_.problem());
  }
  results_.flush();
  proceed();
}

void TestRun::end_after_interrupt() {
  if (interruption_.gives_up_reader(now_)) {
    warn(nullptr, "nobody reads the results: the rest of them is dropped");
    output_lost("nobody has read the results", now_);
  }
  if (interruption_.gives_up_channels(now_))
    for (RemoteProxy& remote : remotes_) remote.hang_up(kImpatientGrace);
}

void TestRun::output_lost(std::string_view problem, Time now) {
  now_ = now;
  conclusion_.output_lost();
  if (phase_ == Phase::kOver) return;
  conclusion_.add_problem(problem);
  conclusion_.broken_off();
  phase_ = Phase::kLeaving;
  for (RemoteProxy& remote : remotes_) remote.give_up(std::string(problem));
  proceed();
}

void TestRun::conclude() {
  phase_ = Phase::kOver;
  if (const std::string uninvited = attribution_.uninvited(); !uninvited.empty())
    warn(nullptr, uninvited);
  conclusion_.close(results_, options_, now_);
  results_.finish(conclusion_.is_complete(), now_);
}

}  // namespace subunit::run
