#include "common/verdict/open_tests.h"

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

}  // namespace subunit::verdict
