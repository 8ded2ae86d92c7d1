#include "common/run/assignment/retries.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace subunit::run {

int Retries::attempt(std::string_view id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? 1 : static_cast<int>(found->second.past.size()) + 1;
}

void Retries::failed(std::string_view id, WorkerNumber worker, std::string_view how) {
  Record& record = records_[std::string(id)];
  record.past.push_back({worker, std::string(how), record.fresh});
  record.waits = true;
  waiting_.emplace_back(id);
}

bool Retries::waits(std::string_view id) const {
  const auto found = records_.find(id);
  return found != records_.end() && found->second.waits;
}

bool Retries::was_at(const Record& record, WorkerNumber worker) {
  return std::ranges::find(record.past, worker, &Past::worker) != record.past.end();
}

std::optional<Retries::Choice> Retries::choose(WorkerNumber worker, const Places& places,
                                               const IsPossible& is_possible) const {
  const std::size_t looks = std::min(waiting_.size(), kMaxLook);
  for (std::size_t i = 0; i < looks; ++i) {
    const Record& record = records_.find(waiting_[i])->second;
    const bool others = places.more_come || std::ranges::any_of(places.present, [&](auto other) {
                          return !was_at(record, other);
                        });
    const bool elsewhere = record.past.size() == 1 && others;
    if (elsewhere && was_at(record, worker)) continue;
    if (!is_possible(waiting_[i])) continue;
    return Choice{waiting_[i], !elsewhere};
  }
  return std::nullopt;
}

void Retries::begin(std::string_view id, bool fresh) {
  Record& record = records_.find(id)->second;
  record.waits = false;
  record.fresh = fresh;
  waiting_.erase(std::ranges::find(waiting_, id));
}

void Retries::put_back(std::string_view id) {
  const auto found = records_.find(id);
  if (found == records_.end() || std::exchange(found->second.waits, true)) return;
  waiting_.emplace_front(id);
}

std::string Retries::story(std::string_view id, WorkerNumber worker, std::string_view how,
                           bool passed) const {
  const Record& record = records_.find(id)->second;
  std::string text;
  const auto add = [&text](std::size_t number, const Past& past) {
    text += fmt::format("attempt {}: {} on worker-{}{}\n", number, past.how, past.worker,
                        past.fresh ? ", in a new server" : "");
  };
  for (std::size_t i = 0; i < record.past.size(); ++i) add(i + 1, record.past[i]);
  add(record.past.size() + 1, {worker, std::string(how), record.fresh});
  if (passed && record.fresh)
    text += "It passed only in a server that had run nothing before.\n";
  else if (passed && !was_at(record, worker))
    text += "It passed only on another server.\n";
  return text;
}

std::vector<Retries::Waiting> Retries::take_waiting() {
  std::vector<Waiting> tests;
  for (const std::string& id : std::exchange(waiting_, {})) {
    Record& record = records_.find(id)->second;
    record.waits = false;
    const Past& last = record.past.back();
    tests.push_back({id, fmt::format("{} on worker-{}", last.how, last.worker)});
  }
  return tests;
}

}  // namespace subunit::run
