#include "common/run/test_run.h"

#include <fmt/core.h>

#include <charconv>
#include <utility>

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
      assignment_(
          [this](const Worker& worker, const std::vector<std::string>& ids) { sent(worker, ids); },
          options),
      history_keeper_(plan, assignment_),
      attribution_(results_, assignment_),
      unheard_(results_.running()),
      watchdog_(options, results_),
      idle_watch_(options, plan),
      channels_(options, *this, channels),
      course_(options, plan, channels_, results_, assignment_, attribution_, conclusion_, now),
      next_look_(now + watchdog_.interval()) {
  results_.add_observer(history_keeper_);
  results_.set_channels_tagged(options.spread == Spread::kEachChannel);
}

void TestRun::start(Time now) {
  now_ = now;
  if (plan_.named() && !options_.list) course_.expect(*plan_.named());
}

std::size_t TestRun::site_of(std::optional<WorkerNumber> worker) const {
  if (options_.spread == Spread::kOnce) return 0;
  if (!worker) return kAnySite;
  if (options_.spread == Spread::kEachWorker) return *worker;
  const RemoteProxy* const remote = channels_.to(*worker);
  return remote ? remote->number() : kAnySite;
}

/// Without a worker, Results gives a test nothing but its site as the route code.
std::size_t TestRun::site_of(const Packet& packet, std::optional<WorkerNumber> worker) const {
  if (worker || options_.spread == Spread::kOnce) return site_of(worker);
  const std::string_view route = packet.route_code.value_or("");
  const char* const end = route.data() + route.size();
  std::size_t site = kAnySite;
  const auto [rest, problem] = std::from_chars(route.data(), end, site);
  return problem == std::errc() && rest == end ? site : kAnySite;
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

void TestRun::sent(const Worker& worker, const std::vector<std::string>& ids) {
  schedule::ScheduleEntry entry{.at = now_ - started_, .worker = worker.number, .tests = ids};
  if (options_.spread != Spread::kOnce) entry.site = site_of(worker.number);
  entry.round = course_.round();
  plan_.sent(entry);
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
    // Where a command cannot be started, there may be many such servers.
    const bool as_another =
        !worker.record.has_answered && std::exchange(why_none_came_, why) == why;
    results_.happened(
        {.kind = Incident::Kind::kGone,
         .worker = worker.number,
         .text = why,
         .told_elsewhere = as_another || (!can_go_on && conclusion_.problem() == why)},
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
  if (phase_ == Phase::kRunning) return run_tests();
  if (!channels_.can_progress()) return break_off(channels_.why_not());
  bool asked = false;
  channels_.each_worker([&asked](Worker& worker) { asked |= worker.work.listing.has_value(); });
  if (asked) return;
  if (phase_ == Phase::kOpening && !options_.list && !plan_.needs_list()) {
    if (course_.can_begin()) start_tests();
    return;
  }
  list();
}

void TestRun::list() {
  Worker* const open = channels_.lister();
  if (!open) {
    if (const auto restarted = course_.restart_servers(now_); !restarted)
      break_off(restarted.error().text);
    return;
  }
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
  if (tests.empty()) {
    conclusion_.nothing_to_run();
    if (!options_.allow_empty) {
      const std::string text =
          plan_.nothing_left() + ": nothing to run (--allow-empty: that is no error)";
      results_.happened({.kind = Incident::Kind::kError, .text = text}, now_);
    }
    results_.expect({});
    return leave();
  }
  if (!plan_.named()) course_.expect(tests);
  if (const auto begun = course_.begin(std::move(tests), now_); !begun)
    return break_off(begun.error().text);
  phase_ = Phase::kRunning;
  proceed();
}

void TestRun::run_tests() {
  const auto goes_on = course_.go_on(now_);
  if (!goes_on) return break_off(goes_on.error().text);
  if (*goes_on) return;
  conclusion_.answered();
  leave();
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
  conclusion_.close(results_, options_, plan_.asks_for_run(), course_.unfinished(), now_);
  if (const std::string story = course_.story(); !story.empty())
    results_.happened({.kind = Incident::Kind::kNotice, .text = story}, now_);
  results_.finish(conclusion_.is_complete(), now_);
}

}  // namespace subunit::run
