#include "common/base/running_clock.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using subunit::RunningClock;
using subunit::Time;

TEST_CASE("a clock goes on while its process runs or waits") {
  RunningClock clock;
  Time now = 1000s;
  CHECK(clock.read(now) == 1000s);
  for (const Time step : {Time(0), Time(1), Time(1ms), Time(900ms)})
    CHECK(clock.read(now += step) == now);
  clock.wait(now, now + 60s);
  CHECK(clock.read(now += 5s) == now);  // something has happened
  clock.wait(now, now + 60s);
  CHECK(clock.read(now += 60500ms) == now);  // nothing has, and the machine is busy
  clock.wait(now, std::nullopt);
  CHECK(clock.read(now += 3600s) == now);
}

TEST_CASE("a clock stands still while its process is stopped") {
  RunningClock clock;
  CHECK(clock.read(1000s) == 1000s);
  clock.wait(1000s, 1000100ms);
  CHECK(clock.read(1008s) == 1000100ms);  // stopped in the wait
  CHECK(clock.read(1008500ms) == 1000600ms);
  CHECK(clock.read(1060s) == 1000600ms);  // stopped between two readings
  clock.wait(1060s, 1060s);
  CHECK(clock.read(1062s) == 1000600ms);  // and before it could look whether something has come
  clock.wait(1062s, 1072s);
  CHECK(clock.read(1063s) == 1001600ms);
}

TEST_CASE("a clock never goes back") {
  RunningClock clock;
  Time last = clock.read(1000s);
  Time now = 1000s;
  for (const Time step : {2s, 3s, 10s, 11s, 1s, 50s}) {
    clock.wait(now, now + 2s);
    now += step;
    const Time read = clock.read(now);
    CHECK(read >= last);
    last = read;
  }
}
