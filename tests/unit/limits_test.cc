#include "common/schedule/limits.h"

#include <doctest/doctest.h>

using namespace subunit::schedule;

namespace {

using Scope = Limits::Scope;

}  // namespace

TEST_CASE("a slot is held by a worker, however many of its tests need it") {
  Limits limits;
  const auto board = limits.needs({limits.add_resource(1, Scope::kRun)});
  limits.add(0, 0);
  limits.add(1, 0);
  CHECK(limits.allows(1, board));
  limits.hold(0, board);
  limits.hold(0, board);
  CHECK(limits.allows(0, board));
  CHECK_FALSE(limits.allows(1, board));
  CHECK(limits.allows(1, Limits::kNothing));
  limits.release(0, board);
  CHECK_FALSE(limits.allows(1, board));
  limits.release(0, board);
  CHECK(limits.allows(1, board));
}

TEST_CASE("there are so many slots in the run, or on each channel") {
  Limits limits;
  const auto in_run = limits.needs({limits.add_resource(2, Scope::kRun)});
  const auto there = limits.needs({limits.add_resource(1, Scope::kChannel)});
  for (Limits::Worker worker = 0; worker < 4; ++worker) limits.add(worker, worker / 2);
  limits.hold(0, there);
  CHECK_FALSE(limits.allows(1, there));
  CHECK(limits.allows(2, there));
  limits.hold(1, in_run);
  CHECK(limits.allows(2, in_run));
  limits.hold(2, in_run);
  CHECK_FALSE(limits.allows(3, in_run));
  CHECK(limits.allows(3, there));
}

TEST_CASE("a test that needs several things gets all of them or none") {
  Limits limits;
  const auto one = limits.add_resource(1, Scope::kRun);
  const auto other = limits.add_resource(1, Scope::kRun);
  const auto both = limits.needs({other, one, one});
  CHECK(both == limits.both(limits.needs({one}), limits.needs({other})));
  limits.add(0, 0);
  limits.add(1, 0);
  limits.hold(0, limits.needs({other}));
  CHECK_FALSE(limits.allows(1, both));
  CHECK(limits.allows(0, both));
  CHECK(limits.allows(1, limits.needs({one})));
}

TEST_CASE(
    "an exclusive test begins when nothing runs on its channel, and nothing begins beside it") {
  Limits limits;
  const auto exclusive = limits.needs({Limits::kExclusiveOnChannel});
  const auto alone = limits.needs({Limits::kExclusiveInRun});
  for (Limits::Worker worker = 0; worker < 4; ++worker) limits.add(worker, worker / 2);
  limits.hold(1, Limits::kNothing);
  CHECK_FALSE(limits.allows(0, exclusive));
  CHECK(limits.allows(1, exclusive));  // behind what runs there
  CHECK(limits.allows(2, exclusive));
  CHECK_FALSE(limits.allows(2, alone));
  limits.hold(2, exclusive);
  CHECK_FALSE(limits.allows(3, Limits::kNothing));
  CHECK(limits.allows(2, Limits::kNothing));
  CHECK(limits.allows(0, Limits::kNothing));
  limits.release(2, exclusive);
  limits.release(1, Limits::kNothing);
  limits.hold(3, alone);
  CHECK_FALSE(limits.allows(0, Limits::kNothing));
  CHECK_FALSE(limits.allows(2, Limits::kNothing));
}

TEST_CASE("what a worker holds that leaves is free") {
  Limits limits;
  const auto board = limits.needs({limits.add_resource(1, Scope::kRun)});
  const auto exclusive = limits.needs({Limits::kExclusiveOnChannel});
  limits.add(0, 0);
  limits.add(1, 0);
  limits.hold(0, board);
  limits.hold(0, exclusive);
  limits.remove(0);
  CHECK(limits.allows(1, board));
  CHECK(limits.allows(1, exclusive));
}

TEST_CASE("behind another test only what that one needs is held on") {
  Limits limits;
  const auto one = limits.add_resource(1, Scope::kRun);
  const auto other = limits.add_resource(1, Scope::kRun);
  limits.add(0, 0);
  CHECK(limits.continues(0, Limits::kNothing));
  limits.hold(0, limits.needs({one, other}));
  CHECK(limits.continues(0, limits.needs({one})));
  limits.hold(0, limits.needs({one}));
  CHECK_FALSE(limits.continues(0, limits.needs({other})));
  limits.hold(0, Limits::kNothing);
  CHECK_FALSE(limits.continues(0, limits.needs({one})));
}

TEST_CASE("a resource is short where it has fewer slots than there are workers") {
  Limits limits;
  const auto board = limits.needs({limits.add_resource(2, Scope::kChannel)});
  limits.waits(board, Seconds(12));
  for (Limits::Worker worker = 0; worker < 3; ++worker) limits.add(worker, worker / 2);
  CHECK(limits.shortage(board) == Seconds(0));
  limits.add(3, 0);
  CHECK(limits.shortage(board) == Seconds(4));  // two slots on channel 0, one on channel 1
  limits.hold(0, board);
  limits.count_rests([](Limits::Worker) { return Seconds(6); });
  CHECK(limits.shortage(board) == Seconds(6));
}
