#include "common/run/worker.h"

#include <doctest/doctest.h>

#include "tests/unit/paper_run.h"

using namespace subunit::run;
using State = Worker::State;
using Step = Worker::Step;

namespace {

/// The worker of a run over one channel, which has come to `state`.
struct Place {
  explicit Place(std::initializer_list<Step> steps)
      : worker(paper.remote(0).workers().emplace_back(*servers(), "0", 7)) {
    for (const Step step : steps) REQUIRE(worker.go(step));
  }
  RemoteServers* servers() {
    paper.ready();
    paper.attaches("9");
    return &paper.remote(0).workers().front().servers;
  }
  PaperRun paper;
  Worker& worker;
};

}  // namespace

TEST_CASE("a worker's server comes, answers, ends, and another one comes in its place") {
  Place place({});
  CHECK(place.worker.state() == State::kGone);
  CHECK_FALSE(place.worker.can_progress());
  CHECK(place.worker.go(Step::kAttach));
  CHECK(place.worker.state() == State::kGreeting);
  CHECK(place.worker.can_progress());
  CHECK(place.worker.go(Step::kAnswer));
  CHECK(place.worker.is_open());
  CHECK(place.worker.go(Step::kEnd));
  CHECK(place.worker.state() == State::kGone);
  CHECK(place.worker.go(Step::kRestart));
  CHECK(place.worker.state() == State::kStarting);
  CHECK(place.worker.go(Step::kAttach));
  CHECK(place.worker.state() == State::kGreeting);
}

TEST_CASE("a server that was asked to end is waited for before the next one counts") {
  for (const Step step : {Step::kReplace, Step::kRecycle}) {
    Place place({Step::kAttach, Step::kAnswer, step});
    CHECK(place.worker.ends());
    CHECK(place.worker.can_progress());
    CHECK_FALSE(place.worker.is_open());
    CHECK_FALSE(place.worker.go(step));  // asked once
    CHECK(place.worker.go(Step::kEnd));
    CHECK(place.worker.state() == State::kStarting);
    CHECK(place.worker.go(Step::kEnd));  // the next one has not come up
    CHECK(place.worker.state() == State::kGone);
  }
}

TEST_CASE("a lost worker is lost until the proxy says that a server is there after all") {
  Place place({Step::kAttach, Step::kAnswer, Step::kLose});
  for (const Step step :
       {Step::kAnswer, Step::kReplace, Step::kRecycle, Step::kRestart, Step::kEnd, Step::kLose}) {
    CHECK_FALSE(place.worker.go(step));
    CHECK(place.worker.state() == State::kLost);
  }
  CHECK(place.worker.go(Step::kAttach));
}

TEST_CASE("what makes no sense changes nothing") {
  Place greeting({Step::kAttach});
  CHECK_FALSE(greeting.worker.go(Step::kReplace));  // nothing is known of its tests
  CHECK_FALSE(greeting.worker.go(Step::kRestart));
  Place open({Step::kAttach, Step::kAnswer});
  CHECK_FALSE(open.worker.go(Step::kAttach));  // a second server in one place
  CHECK_FALSE(open.worker.go(Step::kAnswer));
  CHECK(open.worker.is_open());
}

TEST_CASE("a server that was asked to end, and stays since there can be no other, is as before") {
  Place place({Step::kAttach, Step::kAnswer, Step::kRecycle});
  CHECK(place.worker.go(Step::kKeep));
  CHECK(place.worker.is_open());
  CHECK_FALSE(place.worker.go(Step::kKeep));
}
