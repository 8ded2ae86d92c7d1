#include "common/run/test_run.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/run/tags.h"

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
      started_(now),
      now_(now),
      rounds_(options, now),
      assignment_(
          [this](const Worker& worker, const std::vector<std::string>& ids) {
            plan_.sent(now_ - started_, worker.number, ids);
          },
          options),
      history_keeper_(plan, assignment_),
      feeder_(options, assignment_),
      attribution_(results_, assignment_),
      unheard_(results_.running()),
      watchdog_(options, results_),
      idle_watch_(options, plan),
      channels_(options, *this, channels),
      next_look_(now + watchdog_.interval()) {
  results_.add_observer(history_keeper_);
  results_.set_channels_tagged(options.spread == Spread::kEachChannel);
}

void TestRun::start(Time now) {
  now_ = now;
  if (plan_.named() && !options_.list) expect_tests(*plan_.named());
}

std::size_t TestRun::site_of(std::optional<WorkerNumber> worker) const {
  if (options_.spread == Spread::kOnce) return 0;
  if (!worker) return kAnySite;
  if (options_.spread == Spread::kEachWorker) return *worker;
  const RemoteProxy* const remote = channels_.to(*worker);
  return remote ? remote->number() : kAnySite;
}

std::vector<std::string> TestRun::channel_names() const {
  std::vector<std::string> names;
  for (const RemoteProxy& remote : channels_.remotes()) names.push_back(remote.name());
  return names;
}

// What comes from outside.

void TestRun::heard(RemoteProxy& from, Time now) {
  now_ = now;
  unheard_.heard(from, now);
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
  for (RemoteProxy& remote : channels_.remotes()) remote.set_flow(on, now);
  interruption_.set_unread(!on, now);
  unheard_.set_reading(on, channels_, now);
}

std::optional<Time> TestRun::next_deadline() const {
  std::optional<Time> next = channels_.next_deadline();
  if (phase_ < Phase::kLeaving) next = earlier(next, next_look_);
  if (phase_ == Phase::kLeaving) next = earlier(next, interruption_.next_deadline());
  return phase_ == Phase::kRunning ? earlier(next, assignment_.next_deadline()) : next;
}

void TestRun::tick(Time now) {
  now_ = now;
  for (RemoteProxy& remote : channels_.remotes()) remote.tick(now);
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
  if (worker.servers.routed() || channels_.several()) results_.set_tagged(true);
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
  plan_.record(packet, worker ? assignment_.site_of(*worker) : std::nullopt);
  const bool is_listed = packet.status == Status::kExists;
  if (!is_listed) return attribution_.record(worker, packet, route, now_);
  results_.add(packet, worker ? std::optional(worker->number) : std::nullopt, {.route = route},
               now_);
}

void TestRun::answered(Worker& worker, const std::string& nonce) {
  worker.signs.since = now_;
  if (phase_ >= Phase::kLeaving) return;  // what was asked before an interrupt is still answered
  if (worker.work.listing == nonce) {
    worker.work.listing.reset();
    worker.record.has_loaded = true;
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
    const bool can_go_on = channels_.can_progress();
    if (!can_go_on) conclusion_.add_problem(why);
    results_.happened({.kind = Incident::Kind::kGone,
                       .worker = worker.number,
                       .text = why,
                       .ends_run = !can_go_on && conclusion_.problem() == why},
                      now_);
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
  if (channels_.can_progress()) {
    warn(nullptr, fmt::format("lost the channel \"{}\"; the run goes on without it: {}",
                              remote.name(), remote.problem()));
  } else if (!channels_.several()) {
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
    if (channels_.over()) conclude();
    return;
  }
  const bool failed_enough =
      options_.max_fail > 0 &&
      results_.ledger().failures() >= static_cast<std::size_t>(options_.max_fail);
  if (phase_ == Phase::kRunning && failed_enough && !assignment_.done()) stop_early();
  if (!channels_.can_progress() && !assignment_.stopped()) return break_off(channels_.why_not());
  if (phase_ == Phase::kRunning) {
    do run_tests();
    while (phase_ == Phase::kRunning && give_up_lost_sites());
    return;
  }
  bool asked = false;
  channels_.each_worker([&asked](Worker& worker) { asked |= worker.work.listing.has_value(); });
  if (asked) return;
  if (phase_ == Phase::kOpening && !options_.list && !plan_.needs_list()) {
    // What is to run on all of them at once waits for all.
    if (options_.spread == Spread::kEachWorker && channels_.more_come()) return;
    channels_.each_worker([&asked](Worker& worker) { asked |= worker.is_open(); });
    if (asked) start_tests();
    return;
  }
  list();
}

void TestRun::list() {
  Worker* open = nullptr;
  channels_.each_worker([&open](Worker& worker) {
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
  tests_ = plan_.take_tests();
  if (tests_.empty()) {
    conclusion_.nothing_to_run();
    if (!options_.allow_empty) {
      const std::string text =
          plan_.nothing_left() + ": nothing to run (--allow-empty: that is no error)";
      results_.happened({.kind = Incident::Kind::kError, .text = text}, now_);
    }
    results_.expect({});
    return leave();
  }
  if (!plan_.named()) expect_tests(tests_);
  if (const auto repeated = RunList(tests_).repeated(); !repeated.empty()) {
    warn(nullptr,
         fmt::format("{} listed more than once; each is requested once: {}",
                     repeated.size() == 1 ? "1 test id is"
                                          : fmt::format("{} test ids are", repeated.size()),
                     some_of({repeated.begin(), repeated.end()})));
  }
  if (options_.shuffle) {
    const std::string text =
        fmt::format("the order of the tests is that of --shuffle {}", *options_.shuffle);
    results_.happened({.kind = Incident::Kind::kNotice, .text = text}, now_);
  }
  begin_round();
}

/// Those that are there from the beginning.
std::size_t TestRun::sites() const {
  switch (options_.spread) {
    case Spread::kEachChannel:
      return channels_.count();
    case Spread::kEachWorker:
      return 0;
    case Spread::kOnce:
      break;
  }
  return 1;
}

/// Where they run at each worker, they are expected as the workers come.
void TestRun::expect_tests(const std::vector<std::string>& tests) {
  for (std::size_t i = 0; i < sites(); ++i) results_.expect(tests);
}

void TestRun::begin_round() {
  const bool one_server = channels_.one_server();
  RunList list(rounds_.repeats() ? tests_ : std::move(tests_));
  auto dispatcher = plan_.make_dispatcher(list.ids, one_server, channels_.count());
  if (!dispatcher) return break_off(dispatcher.error().text);
  const bool all = one_server && !plan_.named() && !plan_.filters() && !plan_.shuffles();
  assignment_.begin(std::move(list), std::move(*dispatcher), all, sites());
  if (rounds_.repeats()) results_.set_round(rounds_.number());
  phase_ = Phase::kRunning;
  channels_.each_worker([this](Worker& worker) {
    if (!worker.is_open()) return;
    if (assignment_.add(worker, now_)) results_.expect(assignment_.tests());
  });
  // Those that have died have something to do again.
  if (options_.spread == Spread::kEachWorker && rounds_.number() > 1) restart_servers();
  proceed();
}

/// All servers that are there have nothing to do.
void TestRun::begin_next_round() {
  channels_.each_worker([this](Worker& worker) { assignment_.remove(worker, now_); });
  expect_tests(tests_);
  begin_round();
}

void TestRun::run_tests() {
  std::optional<Retries::Places> places;
  if (assignment_.retries().waiting() > 0) places = channels_.places();
  bool busy = false;
  channels_.each_worker([&](Worker& worker) {
    if (phase_ != Phase::kRunning) return;
    const auto fed = feeder_.feed(worker, places ? &*places : nullptr, now_);
    if (!fed) break_off(fed.error().text);
    busy |= worker.work.asked();
  });
  if (phase_ != Phase::kRunning) return;  // something could not be sent
  if (assignment_.done() && !busy) {
    const std::size_t flaky = options_.flaky_fails ? results_.tally().flaky : 0;
    if (!assignment_.stopped() && rounds_.next(results_.ledger().failures() + flaky, now_))
      return begin_next_round();
    conclusion_.answered();
    return leave();
  }
  if (assignment_.waiting() > 0) restart_servers();
}

/// No test begins any more. Those in progress may end: where nothing is left but these, there is
/// nothing to cancel, and a server might take a Cancel for the wish to end them.
void TestRun::stop_early() {
  const std::size_t failures = results_.ledger().failures();
  const std::string why = fmt::format("{} test{} failed (--max-fail {})", failures,
                                      failures == 1 ? " has" : "s have", options_.max_fail);
  const std::string notice = why + ": no other test begins";
  results_.happened({.kind = Incident::Kind::kNotice, .text = notice}, now_);
  conclusion_.stopped(why);
  attribution_.end_waiting(why, now_);
  assignment_.stop();
  channels_.each_worker([this](Worker& worker) {
    const std::size_t in_progress = results_.running().of(worker.number).size();
    for (const std::string& nonce : assignment_.unbegun(worker, in_progress))
      worker.servers.cancel(worker, nonce);
  });
}

/// Those that have died, since there is something for them to do.
void TestRun::restart_servers() {
  channels_.each_worker([this](Worker& worker) {
    const auto problem = feeder_.restart(worker);
    if (!problem) return;
    warn(&worker, *problem);
    if (!channels_.can_progress()) conclusion_.add_problem(*problem);
  });
  if (!channels_.can_progress()) break_off(channels_.why_not());
}

/// Where each test runs at several sites, others cannot have what is left at one that is lost.
/// True: there was something left.
bool TestRun::give_up_lost_sites() {
  bool any_left = false;
  const auto give_up = [&](std::size_t site, const RemoteProxy& remote) {
    if (!assignment_.has_site(site)) return;
    const std::string why = remote.problem().empty() ? "no test server is left" : remote.problem();
    if (!attribution_.give_up(site, why, now_)) return;
    conclusion_.add_problem(why);
    any_left = true;
  };
  if (options_.spread == Spread::kEachChannel) {
    for (const RemoteProxy& remote : channels_.remotes())
      if (!remote.can_progress()) give_up(remote.number(), remote);
  } else if (options_.spread == Spread::kEachWorker) {
    for (RemoteProxy& remote : channels_.remotes())
      for (const Worker& worker : remote.workers())
        if (!worker.servers.can_progress(worker)) give_up(worker.number, remote);
  }
  return any_left;
}

// What takes too long.

/// Every now and then.
void TestRun::look() {
  next_look_ = now_ + watchdog_.interval();
  if (phase_ >= Phase::kLeaving || !unheard_.reads()) return;
  watchdog_.look(channels_, now_);
  results_.flush();
  proceed();
  if (phase_ == Phase::kRunning) look_for_idleness();
}

void TestRun::look_for_idleness() {
  const auto found = idle_watch_.look(channels_, assignment_.waiting(), now_);
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

/// What fails from now on has no other attempt.
void TestRun::enter_leaving() {
  phase_ = Phase::kLeaving;
  assignment_.stop();
}

void TestRun::leave() {
  enter_leaving();
  for (RemoteProxy& remote : channels_.remotes()) remote.leave(kGoodbyeTimeout);
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
    for (RemoteProxy& remote : channels_.remotes()) remote.hang_up(kImpatientGrace);
    return;
  }
  interruption_.begin(now, !unheard_.reads());
  conclusion_.add_problem("interrupted");
  conclusion_.broken_off();
  const bool was_leaving = phase_ == Phase::kLeaving;
  enter_leaving();
  for (RemoteProxy& remote : channels_.remotes()) {
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
    for (RemoteProxy& remote : channels_.remotes()) remote.hang_up(kImpatientGrace);
}

void TestRun::output_lost(std::string_view problem, Time now) {
  now_ = now;
  conclusion_.output_lost();
  if (phase_ == Phase::kOver) return;
  conclusion_.add_problem(problem);
  conclusion_.broken_off();
  enter_leaving();
  for (RemoteProxy& remote : channels_.remotes()) remote.give_up(std::string(problem));
  proceed();
}

void TestRun::conclude() {
  phase_ = Phase::kOver;
  if (const std::string uninvited = attribution_.uninvited(); !uninvited.empty())
    warn(nullptr, uninvited);
  attribution_.end_waiting(conclusion_.problem().empty() ? "the run ended" : conclusion_.problem(),
                           now_);
  conclusion_.close(results_, options_, plan_.asks_for_run(), now_);
  if (rounds_.repeats() && assignment_.has_begun())
    results_.happened({.kind = Incident::Kind::kNotice, .text = rounds_.story()}, now_);
  results_.finish(conclusion_.is_complete(), now_);
}

}  // namespace subunit::run
