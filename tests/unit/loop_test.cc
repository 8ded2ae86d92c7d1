// The event loop, and the clock that its timers go by.

#include <doctest/doctest.h>
#include <uv.h>

#include <chrono>

#include "proxy/io/child.h"
#include "proxy/io/watch.h"

using namespace proxy;
using namespace std::chrono_literals;

TEST_CASE("the time of a wait counts, also of the first one for a new descriptor") {
  Loop loop;
  bool fired = false;
  const auto pipe = Pipe::create();
  REQUIRE(pipe);
  const auto system = [] { return std::chrono::nanoseconds(uv_hrtime()); };
  const auto started = precise_now(), system_started = system();
  Timer timer(loop.get(), [&fired] { fired = true; });
  timer.start(1200ms);  // a pause of more than a second is one in which the process was stopped
  const ReadinessWatch watch(loop.get(), pipe->read_end.get(), UV_READABLE, [] {});
  loop.run_until([&fired] { return fired; });
  const auto lost = (system() - system_started) - (precise_now() - started);
  CHECK(lost < 500ms);
}
