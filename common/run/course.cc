#include "common/run/course.h"

#include <fmt/core.h>

#include <utility>

#include "common/run/remote/remote_servers.h"

namespace subunit::run {

Course::Course(const Options& options, const Plan& plan, Channels& channels, Results& results,
               Assignment& assignment, Attribution& attribution, Conclusion& conclusion, Time start)
    : options_(options),
      plan_(plan),
      channels_(channels),
      results_(results),
      assignment_(assignment),
      attribution_(attribution),
      conclusion_(conclusion),
      rounds_(options, start),
      feeder_(options, assignment) {}

/// Those that are there from the beginning; others come with their workers.
std::size_t Course::sites() const {
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

void Course::expect(const std::vector<std::string>& tests) {
  for (std::size_t i = 0; i < sites(); ++i) results_.expect(tests);
}

std::vector<Unfinished> Course::unfinished() const {
  std::vector<Unfinished> tests;
  if (options_.spread == Spread::kOnce || options_.list) return tests;
  if (assignment_.has_begun()) {
    tests = assignment_.unfinished();
  } else if (plan_.named()) {
    for (std::size_t site = 0; site < sites(); ++site)
      for (const std::string& id : *plan_.named()) tests.push_back({.site = site, .test_id = id});
  }
  for (Unfinished& test : tests) test.running = results_.running_at(test.site, test.test_id);
  return tests;
}

std::optional<std::size_t> Course::round() const {
  return rounds_.repeats() ? std::optional<std::size_t>(rounds_.number()) : std::nullopt;
}

std::string Course::story() const {
  return rounds_.repeats() && assignment_.has_begun() ? rounds_.story() : "";
}

// Rounds.

bool Course::can_begin() const {
  if (options_.spread == Spread::kEachWorker && channels_.more_come()) return false;
  bool any_is_open = false;
  channels_.each_worker([&](const Worker& worker) { any_is_open |= worker.is_open(); });
  return any_is_open;
}

Result<> Course::begin(std::vector<std::string> tests, Time now) {
  tests_ = std::move(tests);
  if (options_.spread == Spread::kEachWorker) miss_absent();
  return begin_round(now).map([this, now] { tell_of_list(now); });
}

/// For people, what is not as they may think.
void Course::tell_of_list(Time now) {
  const auto tell = [&](Incident::Kind kind, const std::string& text) {
    results_.happened({.kind = kind, .text = text}, now);
  };
  if (options_.shuffle)
    tell(Incident::Kind::kNotice,
         fmt::format("the order of the tests is that of --shuffle {}", *options_.shuffle));
  const auto repeated = assignment_.repeated();
  if (repeated.empty()) return;
  const std::string count =
      repeated.size() == 1 ? "1 test id is" : fmt::format("{} test ids are", repeated.size());
  tell(Incident::Kind::kTrouble, fmt::format("{} listed more than once; each is requested once: {}",
                                             count, some_of({repeated.begin(), repeated.end()})));
}

/// What is to run on all servers shows nothing of those that are not there.
void Course::miss_absent() {
  for (const RemoteProxy& remote : channels_.remotes()) {
    if (remote.can_progress() && remote.all_answer()) continue;
    conclusion_.add_problem(
        !remote.problem().empty()
            ? remote.problem()
            : fmt::format("a test server of the channel \"{}\" is not there: the tests ran on the "
                          "other servers only",
                          remote.name()));
  }
}

Result<> Course::begin_round(Time now) {
  const bool one_server = channels_.one_server();
  RunList list(rounds_.repeats() ? tests_ : std::move(tests_));
  auto dispatcher = plan_.make_dispatcher(list.ids, one_server, channels_.count());
  if (!dispatcher) return tl::unexpected(dispatcher.error());
  const bool all = one_server && !plan_.named() && !plan_.filters() && !plan_.shuffles();
  assignment_.begin(std::move(list), std::move(*dispatcher), all, sites());
  if (rounds_.repeats()) results_.set_round(rounds_.number());
  channels_.each_worker([&](Worker& worker) {
    if (worker.is_open()) attribution_.added(worker, now);
  });
  return {};
}

/// All servers that are there have nothing to do. A run that has a problem is not mended by another
/// round.
bool Course::has_another_round(Time now) {
  if (!assignment_.stopped() && results_.tally().not_run == 0) rounds_.complete();
  const std::size_t flaky = options_.flaky_fails ? results_.tally().flaky : 0;
  return !assignment_.stopped() && conclusion_.problem().empty() &&
         rounds_.next(results_.ledger().failures() + flaky, now);
}

Result<bool> Course::go_on(Time now) {
  for (;;) {
    stop_if_enough_failed(now);
    if (!channels_.can_progress() && !assignment_.stopped())
      return error("{}", channels_.why_not());
    const auto busy = feed(now);
    if (!busy) return tl::unexpected(busy.error());
    if (assignment_.done() && !*busy) {
      if (!has_another_round(now)) return false;
      channels_.each_worker([&](Worker& worker) { assignment_.remove(worker, now); });
      expect(tests_);
      if (auto begun = begin_round(now); !begun) return tl::unexpected(begun.error());
      // Those that have died have something to do again.
      if (options_.spread != Spread::kEachWorker) continue;
      if (auto restarted = restart_servers(now); !restarted)
        return tl::unexpected(restarted.error());
      continue;
    }
    if (assignment_.waiting() > 0)
      if (auto restarted = restart_servers(now); !restarted)
        return tl::unexpected(restarted.error());
    if (!give_up_lost_sites(now)) return true;
  }
}

// Servers.

/// Gives them what to do. True: one has something to do.
Result<bool> Course::feed(Time now) {
  std::optional<Retries::Places> places;
  if (assignment_.retries().waiting() > 0) places = channels_.places();
  bool busy = false;
  Result<> fed;
  channels_.each_worker([&](Worker& worker) {
    if (!fed) return;
    fed = feeder_.feed(worker, places ? &*places : nullptr, now);
    busy |= worker.work.asked();
  });
  return fed.map([busy] { return busy; });
}

Result<> Course::restart_servers(Time now) {
  channels_.each_worker([&](Worker& worker) {
    const auto problem = feeder_.restart(worker);
    if (!problem) return;
    results_.happened({.kind = Incident::Kind::kTrouble, .worker = worker.number, .text = *problem},
                      now);
    if (!channels_.can_progress()) conclusion_.add_problem(*problem);
  });
  if (channels_.can_progress()) return {};
  return error("{}", channels_.why_not());
}

// The end.

/// No test begins any more. Those in progress may end: where nothing is left but these, there is
/// nothing to cancel, and a server might take a Cancel for the wish to end them.
void Course::stop_if_enough_failed(Time now) {
  // What a lost channel leaves undone has not failed here: the others go on.
  const std::size_t failures = results_.ledger().failures() - results_.tally().not_run;
  if (options_.max_fail == 0 || failures < static_cast<std::size_t>(options_.max_fail)) return;
  if (assignment_.done()) return;
  const std::string why = fmt::format("{} test{} failed (--max-fail {})", failures,
                                      failures == 1 ? " has" : "s have", options_.max_fail);
  const std::string notice = why + ": no other test begins";
  results_.happened({.kind = Incident::Kind::kNotice, .text = notice}, now);
  conclusion_.stopped(why);
  attribution_.end_waiting(why, now);
  assignment_.stop();
  channels_.each_worker([this](Worker& worker) {
    const std::size_t in_progress = results_.running().of(worker.number).size();
    for (const std::string& nonce : assignment_.unbegun(worker, in_progress))
      worker.servers.cancel(worker, nonce);
  });
}

/// Where each test runs at several sites, others cannot have what is left at one that is lost.
/// True: there was something left.
bool Course::give_up_lost_sites(Time now) {
  if (assignment_.stopped()) return false;  // it would not have run
  bool any_left = false;
  for (RemoteProxy& remote : channels_.remotes()) {
    if (options_.spread == Spread::kEachChannel && !remote.can_progress())
      any_left |= give_up(remote.number(), remote, now);
    if (options_.spread != Spread::kEachWorker) continue;
    for (const Worker& worker : remote.workers())
      if (!worker.servers.can_progress(worker)) any_left |= give_up(worker.number, remote, now);
  }
  return any_left;
}

bool Course::give_up(std::size_t site, const RemoteProxy& remote, Time now) {
  if (!assignment_.has_site(site)) return false;
  std::string why = remote.problem();
  if (why.empty() && options_.spread == Spread::kEachChannel)
    why = fmt::format("no test server is left on the channel \"{}\"", remote.name());
  if (why.empty()) why = fmt::format("the test server of worker-{} is lost", site);
  if (!attribution_.give_up(site, why, now)) return false;
  conclusion_.add_problem(why);
  return true;
}

}  // namespace subunit::run
