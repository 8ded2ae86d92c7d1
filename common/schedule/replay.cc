#include "common/schedule/replay.h"

#include <algorithm>
#include <unordered_map>

#include "common/base/text.h"

namespace subunit::schedule {

Result<std::unique_ptr<Replay>> Replay::create(const std::vector<ScheduleEntry>& log,
                                               std::span<const std::string> ids,
                                               bool one_at_a_time) {
  std::unordered_map<std::string_view, std::size_t> indexes;
  for (std::size_t i = 0; i < ids.size(); ++i) indexes.emplace(ids[i], i);

  std::unique_ptr<Replay> replay(new Replay);
  replay->one_at_a_time_ = one_at_a_time;
  replay->tests_.resize(ids.size());
  Line line = 0;
  for (const ScheduleEntry& logged : log) {
    Entry entry{.line = line++, .tests = {}};
    for (const std::string& id : logged.tests) {
      const auto found = indexes.find(id);
      if (found == indexes.end())
        return error("cannot replay the schedule: there is no test \"{}\" now, which worker {} ran",
                     escaped(id), logged.worker);
      Test& test = replay->tests_[found->second];
      if (test.state == State::kUnnamed) ++replay->waiting_;
      test.state = State::kWaiting;
      test.lines.push_back(*entry.line);
      entry.tests.push_back(found->second);
    }
    replay->to_come_[logged.worker].push_back(std::move(entry));
  }
  replay->unfinished_ = replay->waiting_;
  return replay;
}

std::vector<std::size_t> Replay::slots() const {
  std::vector<std::size_t> slots;
  for (const auto& [slot, entries] : to_come_) slots.push_back(slot);
  return slots;
}

Replay::Worker Replay::add(std::size_t slot, Time) {
  servers_.emplace(next_worker_, Server{.slot = slot});
  return next_worker_++;
}

void Replay::remove(Worker worker, Time) {
  const auto server = servers_.find(worker);
  Entry lost;
  for (const std::size_t index : server->second.had) {
    Test& test = tests_[index];
    if (test.state != State::kSent || test.worker != worker) continue;
    test.state = State::kWaiting;
    ++waiting_;
    if (test.lines.empty()) lost.tests.push_back(index);
  }
  if (!lost.tests.empty()) to_come_[server->second.slot].push_front(std::move(lost));
  servers_.erase(server);
}

void Replay::finished(Worker worker, std::size_t index, Time) {
  Test& test = tests_[index];
  if (test.state != State::kSent || test.worker != worker) return;
  test.state = State::kFinished;
  --unfinished_;
  --servers_.at(worker).unfinished;
}

Replay::Batch Replay::next(Worker worker, Time) {
  Server& server = servers_.at(worker);
  Batch batch;
  if (server.unfinished > (one_at_a_time_ ? 0 : 1)) return batch;
  std::deque<Entry>& entries = to_come_[server.slot];
  while (batch.empty() && !entries.empty()) {
    batch = take(entries.front());
    entries.pop_front();
  }
  for (const std::size_t index : batch) {
    tests_[index].state = State::kSent;
    tests_[index].worker = worker;
  }
  waiting_ -= batch.size();
  server.unfinished += batch.size();
  server.had.insert(server.had.end(), batch.begin(), batch.end());
  return batch;
}

/// The tests of `entry` whose turn it is there.
Replay::Batch Replay::take(const Entry& entry) {
  Batch batch;
  for (const std::size_t index : entry.tests) {
    Test& test = tests_[index];
    if (!entry.line) {
      batch.push_back(index);
      continue;
    }
    const auto line = std::find(test.lines.begin(), test.lines.end(), *entry.line);
    if (line == test.lines.end()) continue;  // named twice in one line
    if (test.state == State::kWaiting && line == test.lines.begin()) batch.push_back(index);
    test.lines.erase(line);
  }
  return batch;
}

}  // namespace subunit::schedule
