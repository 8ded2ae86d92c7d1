#include "common/verdict/ledger.h"

#include <cassert>

namespace subunit::verdict {

void OpenTests::record(std::string_view test_id, Status status) {
  if (status == Status::kInProgress) {
    if (by_id_.contains(test_id)) return;
    if (ids_.size() >= kMaxOpen || bytes_ + test_id.size() > kMaxBytes) return;
    bytes_ += test_id.size();
    if (spare_.empty()) spare_.emplace_back();
    spare_.front() = test_id;
    ids_.splice(ids_.end(), spare_, spare_.begin());
    by_id_.emplace(ids_.back(), std::prev(ids_.end()));
  } else if (is_final(status)) {
    const auto found = by_id_.find(test_id);
    if (found == by_id_.end()) return;
    const Ids::iterator test = found->second;
    by_id_.erase(found);
    bytes_ -= test->size();
    if (spare_.empty()) {
      spare_.splice(spare_.begin(), ids_, test);
    } else {
      ids_.erase(test);
    }
  }
}

Ledger::Entry& Ledger::entry_of(std::string_view test_id) {
  const auto found = accounts_.find(test_id);
  return found != accounts_.end() ? *found : *accounts_.emplace(test_id, Account()).first;
}

void Ledger::expect(std::string_view test_id) {
  Entry& entry = entry_of(test_id);
  Account& account = entry.second;
  if (account.expected >= account.answered) ++missing_;
  expected_.push_back({&entry, ++account.expected});
}

void Ledger::record(const Packet& packet) {
  if (packet.test_id) record(*packet.test_id, packet.status);
}

void Ledger::record(std::string_view test_id, Status status) {
  open_.record(test_id, status);
  if (!is_final(status)) return;
  ++counts_[static_cast<std::size_t>(status)];
  auto found = accounts_.find(test_id);
  if (found == accounts_.end()) {
    if (found_.size() == kMaxUnexpected || found_bytes_ + test_id.size() > kMaxUnexpectedBytes) {
      ++forgotten_;
      return;
    }
    found = accounts_.emplace(test_id, Account()).first;
    found_bytes_ += test_id.size();
    found_.push_back(&*found);
  }
  Account& account = found->second;
  if (account.expected > account.answered) --missing_;
  ++account.answered;
}

std::size_t Ledger::count(Status status) const {
  assert(is_final(status));
  return counts_[static_cast<std::size_t>(status)];
}

std::size_t Ledger::failures() const {
  return count(Status::kFail) + count(Status::kUnexpectedSuccess);
}

Ledger::Ids Ledger::missing() const {
  Ids ids;
  ids.reserve(missing_);
  for (const auto& [entry, times] : expected_) {
    if (times > entry->second.answered) ids.push_back(entry->first);
  }
  return ids;
}

Ledger::Ids Ledger::unexpected() const {
  Ids ids;
  for (const Entry* entry : found_) {
    if (entry->second.expected == 0) ids.push_back(entry->first);
  }
  return ids;
}

Ledger::Ids Ledger::repeated() const {
  Ids ids;
  for (const auto& [entry, times] : expected_) {
    const Account& account = entry->second;
    if (times == 1 && account.answered > account.expected) ids.push_back(entry->first);
  }
  return ids;
}

}  // namespace subunit::verdict
