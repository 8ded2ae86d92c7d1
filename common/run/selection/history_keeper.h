#pragma once

#include <functional>
#include <set>
#include <string>

#include "common/run/assignment/assignment.h"
#include "common/run/observer.h"
#include "common/run/selection/plan.h"
#include "common/run/tags.h"

namespace subunit::run {

/// Tells the plan how tests of the run end, for the history.
class HistoryKeeper : public Observer {
 public:
  /// Both are the caller's, and live longer.
  HistoryKeeper(Plan& plan, const Assignment& assignment) : plan_(plan), assignment_(assignment) {}

 private:
  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<WorkerNumber>, Time) override {
    if (!packet.test_id || !is_final(packet.status) || !assignment_.has(*packet.test_id)) return;
    const bool not_run = packet.status == Status::kSkip && has_tag(packet, kNotRunTag);
    // A test that runs several times has failed if it has once.
    if (not_run || is_failure(packet.status)) failed_.emplace(*packet.test_id);
    plan_.ended(*packet.test_id, failed_.contains(*packet.test_id));
  }
  void happened(const Incident&, Time) override {}
  void flush() override {}
  void finish(bool, Time) override {}

  Plan& plan_;
  const Assignment& assignment_;
  std::set<std::string, std::less<>> failed_;
};

}  // namespace subunit::run
