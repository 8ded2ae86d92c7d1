#include "common/run/assignment.h"

#include <algorithm>

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
                       bool all_at_once) {
  list_ = std::move(list);
  answered_.assign(list_.ids.size(), 0);
  asked_.assign(list_.ids.size(), nullptr);
  dispatcher_ = std::move(dispatcher);
  all_at_once_ = all_at_once;
  for (std::size_t i = 0; i < list_.ids.size(); ++i) numbers_.emplace(list_.ids[i], i);
}

void Assignment::add(Worker& worker, Time now) {
  if (!dispatcher_) return;
  worker.work.id = dispatcher_->add(worker.number, now);
  dispatcher_->measured_round_trip(*worker.work.id, worker.round_trip);
  dispatcher_->prefers_batches(*worker.work.id, static_cast<std::size_t>(worker.batch));
}

void Assignment::remove(Worker& worker, Time now) {
  if (!worker.work.id) return worker.work.batches.clear();
  for (const Worker::Batch& batch : worker.work.batches) {
    // Asked for again, one of several tests with one id would be answered twice.
    for (const std::size_t test : batch.tests) {
      asked_[test] = nullptr;
      if (answered_[test] > 0) dispatcher_->finished(*worker.work.id, test, now);
    }
  }
  dispatcher_->remove(*worker.work.id, now);
  worker.work.id.reset();
  worker.work.batches.clear();
}

Result<bool> Assignment::feed(Worker& worker, Time now) {
  auto batch = dispatcher_->next(*worker.work.id, now);
  if (batch.empty()) return false;
  std::vector<std::string> ids;
  ids.reserve(batch.size());
  for (const std::size_t test : batch) {
    asked_[test] = &worker;
    ids.push_back(list_.ids[test]);
  }
  sent_(worker, ids);
  const bool all = all_at_once_ && batch.size() == list_.ids.size();
  auto nonce = worker.session.run(all ? std::nullopt : rpc::TestIds(std::move(ids)));
  if (!nonce) return tl::unexpected(nonce.error());
  if (!worker.work.asked()) worker.signs.since = now;
  worker.work.used = true;
  worker.work.batches.push_back({std::move(*nonce), std::move(batch)});
  return true;
}

std::optional<std::size_t> Assignment::find(std::string_view test_id) const {
  const auto found = numbers_.find(test_id);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

bool Assignment::may_report(const Worker* worker, std::string_view test_id) const {
  if (!has_begun()) return false;
  const auto test = find(test_id);
  return !test || (worker && asked_[*test] == worker);
}

void Assignment::started(Worker& worker, std::string_view test_id, Time now) {
  if (const auto test = find(test_id); test && worker.work.id)
    dispatcher_->started(*worker.work.id, *test, now);
}

bool Assignment::owes(std::string_view test_id) const {
  const auto test = find(test_id);
  return test && answered_[*test] < list_.times[*test];
}

bool Assignment::ended(Worker& worker, std::string_view test_id, Time now, bool cut_short) {
  const auto test = find(test_id);
  if (!test || !worker.work.id) return false;
  const bool owed = answered_[*test] < list_.times[*test];
  if (++answered_[*test] < list_.times[*test]) return owed;
  cut_short ? dispatcher_->cut_short(*worker.work.id, *test, now)
            : dispatcher_->finished(*worker.work.id, *test, now);
  return owed;
}

std::vector<std::string> Assignment::settle(Worker& worker, const std::string& nonce, Time now) {
  const auto batch = std::ranges::find(worker.work.batches, nonce, &Worker::Batch::nonce);
  std::vector<std::string> unanswered;
  if (batch == worker.work.batches.end()) return unanswered;
  for (const std::size_t test : batch->tests) {
    asked_[test] = nullptr;
    // Also if another server has answered for it.
    dispatcher_->finished(*worker.work.id, test, now);
    if (answered_[test] >= list_.times[test]) continue;
    unanswered.push_back(list_.ids[test]);
    answered_[test] = list_.times[test];
  }
  worker.work.batches.erase(batch);
  return unanswered;
}

}  // namespace subunit::run
