#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "../subunit/format.h"

namespace subunit::verdict {

/// The tests of one stream that have started and not ended, in the order of their start.
class OpenTests {
 public:
  using Ids = std::list<std::string>;

  /// More tests, or ids of more bytes in all, are not kept: no runner has so many at once.
  static constexpr std::size_t kMaxOpen = 100'000;
  static constexpr std::size_t kMaxBytes = 16 << 20;

  /// Takes note of a status packet: kInProgress opens a test, a final status closes it, the others
  /// say nothing about it. A test that is open already stays where it is.
  void record(std::string_view test_id, Status status);

  /// The one test in progress; nullptr if there is none, or more than one. Valid until the next
  /// record().
  [[nodiscard]] const std::string* only() const {
    return ids_.size() == 1 ? &ids_.front() : nullptr;
  }

  [[nodiscard]] const Ids& ids() const { return ids_; }
  [[nodiscard]] bool empty() const { return ids_.empty(); }

 private:
  Ids ids_;
  std::size_t bytes_ = 0;  // of ids_
  Ids spare_;  // the last one closed: its memory serves the next, so that no test costs any
  std::unordered_map<std::string_view, Ids::iterator> by_id_;  // keys are views into ids_
};

}  // namespace subunit::verdict
