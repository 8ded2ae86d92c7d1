#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "dispatcher.h"

namespace subunit::schedule {

/// Every test at every site, where a site is a channel or the slot of a server: each has a
/// Dispatcher of its own, and none helps another.
///
/// Test T of the caller's list is at site S the number S * tests + T.
class EachSite : public Dispatcher {
 public:
  enum class By { kChannel, kSlot };
  /// For the tests of a site, by their places in the caller's list.
  using Make = std::function<std::unique_ptr<Dispatcher>()>;

  /// `tests`: how many there are. `sites`: those with numbers below that are there from the
  /// beginning, whether they have servers or not; others come with theirs.
  EachSite(By by, std::size_t tests, std::size_t sites, Make make);

  Worker add(Place place, Time now) override;
  void remove(Worker worker, Time now) override;
  void started(Worker worker, std::size_t test, Time now) override;
  void finished(Worker worker, std::size_t test, Time now) override;
  void cut_short(Worker worker, std::size_t test, Time now) override;
  void measured_round_trip(Worker worker, Time round_trip) override;
  void prefers_batches(Worker worker, std::size_t tests) override;
  Batch next(Worker worker, Time now) override;
  void give_up(std::size_t site) override;
  [[nodiscard]] bool may_repeat(Worker worker, std::size_t test) const override;
  void repeat(Worker worker, std::size_t test) override;
  [[nodiscard]] std::optional<Time> next_deadline() const override;
  [[nodiscard]] bool done() const override;
  [[nodiscard]] std::size_t waiting() const override;
  [[nodiscard]] std::optional<Time> time_left(Time now) const override;

 private:
  struct Site {
    std::unique_ptr<Dispatcher> dispatcher;
    bool given_up = false;
  };
  struct Member {
    std::size_t number;  // of its site
    Site* site;
    Worker worker;  // as the site's dispatcher calls it
  };

  Site& site(std::size_t number);
  [[nodiscard]] std::size_t local(const Member& member, std::size_t test) const {
    return test - member.number * tests_;
  }
  [[nodiscard]] bool is_there(const Member& member, std::size_t test) const {
    return test / tests_ == member.number;
  }

  const By by_;
  const std::size_t tests_;
  const Make make_;
  std::map<std::size_t, Site> sites_;  // they never move
  std::vector<Member> members_;        // by the numbers that the caller has for them
};

}  // namespace subunit::schedule
