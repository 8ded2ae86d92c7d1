#include "common/base/message_limit.h"

#include <doctest/doctest.h>

using namespace subunit;
using namespace std::chrono_literals;

TEST_CASE("a single message is shown at once") {
  MessageLimit limit;
  CHECK(limit.add(5s) == 1);
  CHECK_FALSE(limit.next_deadline());
  CHECK(limit.tick(7s) == 0);
  CHECK(limit.add(8s) == 1);
}

TEST_CASE("of a flood one message a second is shown, and each is counted once") {
  MessageLimit limit;
  unsigned added = 0, shown = 0, messages = 0;
  Time now = 0ms;
  const auto show = [&](unsigned count) {
    messages += count > 0;
    shown += count;
  };
  for (; now < 10s; now += 1ms) {
    show(limit.add(now));
    ++added;
  }
  CHECK(messages == 10);
  REQUIRE(limit.next_deadline());
  CHECK(*limit.next_deadline() == 10s);
  show(limit.tick(*limit.next_deadline()));
  CHECK(messages == 11);
  CHECK(shown == added);
  CHECK_FALSE(limit.next_deadline());
}

TEST_CASE("what is held back at the end is not lost") {
  MessageLimit limit;
  CHECK(limit.add(0s) == 1);
  CHECK(limit.add(1ms) == 0);
  CHECK(limit.add(2ms) == 0);
  CHECK(limit.take_rest() == 2);
  CHECK(limit.take_rest() == 0);
}
