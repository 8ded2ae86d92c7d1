#include "common/run/assignment/assignment.h"

#include <algorithm>

#include "common/run/remote/remote_servers.h"

namespace subunit::run {

RunList::RunList(std::vector<std::string> listed) {
  std::unordered_map<std::string, std::size_t> numbers;
  for (std::string& id : listed) {
    const auto [known, is_new] = numbers.try_emplace(id, ids.size());
    if (!is_new) {
      ++times[known->second];
      continue;
    }
    ids.push_back(std::move(id));
    times.push_back(1);
  }
}

std::vector<std::string> RunList::repeated() const {
  std::vector<std::string> repeated;
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (times[i] > 1) repeated.push_back(ids[i]);
  return repeated;
}

void Assignment::begin(RunList list, std::unique_ptr<schedule::Dispatcher> dispatcher,
                       bool all_at_once, std::size_t sites) {
  numbers_.clear();
  retries_.forget();
  list_ = std::move(list);
  answered_.clear();
  asked_.clear();
  sites_.clear();
  given_up_.clear();
  for (std::size_t site = 0; site < sites; ++site) (void)make_room(site);
  dispatcher_ = std::move(dispatcher);
  all_at_once_ = all_at_once;
  for (std::size_t i = 0; i < list_.ids.size(); ++i) numbers_.emplace(list_.ids[i], i);
}

std::size_t Assignment::one_of_sites(const Worker& worker) const {
  return spread_ == Spread::kEachChannel ? worker.servers.channel() : worker.number;
}

/// True: it has the tests of the list from now on.
bool Assignment::make_room(std::size_t site) {
  const std::size_t size = std::max(answered_.size(), (site + 1) * list_.ids.size());
  answered_.resize(size, 0);
  asked_.resize(size, nullptr);
  return sites_.insert(site).second;
}

bool Assignment::add(Worker& worker, Time now) {
  if (!dispatcher_) return false;
  const bool is_new = make_room(site_of(worker).value_or(0));
  worker.work.id = dispatcher_->add({worker.number, worker.servers.channel()}, now);
  dispatcher_->measured_round_trip(*worker.work.id, worker.round_trip);
  dispatcher_->prefers_batches(*worker.work.id, static_cast<std::size_t>(worker.batch));
  return is_new;
}

std::vector<std::string> Assignment::give_up(std::size_t site) {
  given_up_.insert(site);
  dispatcher_->give_up(site);
  std::vector<std::string> left;
  for (std::size_t i = 0; i < list_.ids.size(); ++i) {
    const std::size_t test = site * list_.ids.size() + i;
    for (; is_owed(test); ++answered_[test]) left.push_back(id(test));
  }
  return left;
}

std::vector<Unfinished> Assignment::unfinished() const {
  std::vector<Unfinished> tests;
  for (const std::size_t site : sites_) {
    for (std::size_t i = 0; i < list_.ids.size(); ++i) {
      const std::size_t test = site * list_.ids.size() + i;
      for (std::size_t times = answered_[test]; times < list_.times[i]; ++times)
        tests.push_back({.site = site, .test_id = id(test)});
    }
  }
  return tests;
}

void Assignment::remove(Worker& worker, Time now) {
  if (!worker.work.id) return worker.work.batches.clear();
  for (const Worker::Batch& batch : worker.work.batches) {
    // Asked for again, one of several tests with one id would be answered twice.
    for (const std::size_t test : batch.tests) {
      if (answered_[test] > 0) dispatcher_->finished(*worker.work.id, test, now);
      if (!take_from(worker, test)) continue;
      if (is_owed(test)) retries_.put_back(id(test));
    }
  }
  dispatcher_->remove(*worker.work.id, now);
  worker.work.id.reset();
  worker.work.batches.clear();
}

/// False: it had been given to another one by now.
bool Assignment::take_from(const Worker& worker, std::size_t test) {
  if (asked_[test] != &worker) return false;
  asked_[test] = nullptr;
  return true;
}

Result<bool> Assignment::feed(Worker& worker, Time now) {
  if (stopped_) return false;
  auto batch = dispatcher_->next(*worker.work.id, now);
  if (batch.empty()) return false;
  const bool all = all_at_once_ && batch.size() == list_.ids.size();
  return send(worker, std::move(batch), all, now).map([] { return true; });
}

bool Assignment::may_feed_again(const Worker& worker, std::string_view test_id) const {
  return dispatcher_->may_repeat(*worker.work.id, *find(worker, test_id));
}

Result<> Assignment::feed_again(Worker& worker, const std::string& id, Time now) {
  retries_.begin(id, !worker.work.used);
  const std::size_t test = *find(worker, id);
  dispatcher_->repeat(*worker.work.id, test);
  return send(worker, {test}, false, now);
}

Result<> Assignment::send(Worker& worker, schedule::Dispatcher::Batch batch, bool all, Time now) {
  std::vector<std::string> ids;
  ids.reserve(batch.size());
  for (const std::size_t test : batch) {
    asked_[test] = &worker;
    ids.push_back(id(test));
  }
  sent_(worker, ids);
  auto nonce = worker.session.run(all ? std::nullopt : rpc::TestIds(std::move(ids)));
  if (!nonce) return tl::unexpected(nonce.error());
  if (!worker.work.asked()) worker.signs.since = now;
  worker.work.used = true;
  worker.work.batches.push_back({std::move(*nonce), std::move(batch)});
  return {};
}

std::optional<std::size_t> Assignment::look_up(std::string_view test_id) const {
  const auto found = numbers_.find(test_id);
  if (found == numbers_.end()) return std::nullopt;
  return latest_ = found->second;
}

std::optional<std::size_t> Assignment::find(const Worker& worker, std::string_view test_id) const {
  const auto place = place_of(test_id);
  return place ? at_site_of(worker, *place) : std::nullopt;
}

std::optional<std::size_t> Assignment::at_site_of(const Worker& worker, std::size_t place) const {
  const std::size_t test = site_of(worker).value_or(0) * list_.ids.size() + place;
  return test < asked_.size() ? std::optional(test) : std::nullopt;
}

bool Assignment::may_report(const Worker* worker, std::string_view test_id) const {
  if (!has_begun()) return false;
  const auto place = place_of(test_id);
  if (!place) return true;
  const auto test = worker ? at_site_of(*worker, *place) : std::nullopt;
  return test && asked_[*test] == worker && !retries_.waits(test_id);
}

void Assignment::started(Worker& worker, std::string_view test_id, Time now) {
  if (const auto test = find(worker, test_id); test && worker.work.id)
    dispatcher_->started(*worker.work.id, *test, now);
}

bool Assignment::owes(const Worker& worker, std::string_view test_id) const {
  const auto test = find(worker, test_id);
  return test && is_owed(*test);
}

bool Assignment::ended(Worker& worker, std::string_view test_id, Time now, bool cut_short) {
  const auto test = find(worker, test_id);
  if (!test || !worker.work.id) return false;
  const bool owed = is_owed(*test);
  ++answered_[*test];
  if (is_owed(*test)) return owed;
  cut_short ? dispatcher_->cut_short(*worker.work.id, *test, now)
            : dispatcher_->finished(*worker.work.id, *test, now);
  return owed;
}

bool Assignment::can_run_again(const Worker& worker, std::string_view test_id) const {
  const auto test = find(worker, test_id);
  return test && worker.work.id && list_.times[place(*test)] == 1 && answered_[*test] == 0 &&
         !stopped_ && retries_.allows_another(test_id);
}

void Assignment::failed_for_now(Worker& worker, std::string_view test_id, std::string_view how,
                                Time now, bool cut_short) {
  const std::size_t test = *find(worker, test_id);
  retries_.failed(test_id, worker.number, how);
  cut_short ? dispatcher_->cut_short(*worker.work.id, test, now)
            : dispatcher_->finished(*worker.work.id, test, now);
}

/// What is in progress is of the first message, unless a server runs several at once.
std::vector<std::string> Assignment::unbegun(const Worker& worker, std::size_t in_progress) const {
  std::vector<std::string> nonces;
  for (const Worker::Batch& batch : worker.work.batches) {
    const auto left = std::ranges::count_if(batch.tests, [&](std::size_t test) {
      return asked_[test] == &worker && is_owed(test) && !retries_.waits(id(test));
    });
    if (static_cast<std::size_t>(left) > in_progress) nonces.push_back(batch.nonce);
    in_progress -= std::min(in_progress, static_cast<std::size_t>(left));
  }
  return nonces;
}

std::vector<Retries::Waiting> Assignment::take_waiting() {
  auto tests = retries_.take_waiting();
  for (const Retries::Waiting& test : tests) {
    const std::size_t place = numbers_.find(test.id)->second;
    answered_[place] = list_.times[place];
  }
  return tests;
}

void Assignment::close(const Worker& worker, std::string_view test_id) {
  if (const auto test = find(worker, test_id)) answered_[*test] = list_.times[place(*test)];
}

std::vector<std::string> Assignment::settle(Worker& worker, const std::string& nonce, Time now) {
  const auto batch = std::ranges::find(worker.work.batches, nonce, &Worker::Batch::nonce);
  std::vector<std::string> unanswered;
  if (batch == worker.work.batches.end()) return unanswered;
  for (const std::size_t test : batch->tests) {
    // Also if another server has answered for it.
    dispatcher_->finished(*worker.work.id, test, now);
    if (!take_from(worker, test)) continue;
    if (is_owed(test) && !retries_.waits(id(test))) unanswered.push_back(id(test));
  }
  worker.work.batches.erase(batch);
  return unanswered;
}

}  // namespace subunit::run
