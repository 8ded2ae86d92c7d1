#include "common/run/interruption.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using subunit::Time;
using subunit::run::Interruption;

TEST_CASE("a run that nobody interrupts has all its time") {
  Interruption interruption;
  interruption.set_unread(true, 1s);
  CHECK_FALSE(interruption.begun());
  CHECK_FALSE(interruption.next_deadline());
  CHECK_FALSE(interruption.gives_up_reader(1000s));
  CHECK_FALSE(interruption.gives_up_channels(1000s));
}

TEST_CASE("after an interrupt, channels have a limit in all, and say so once") {
  Interruption interruption;
  interruption.begin(100s, false);
  CHECK(interruption.begun());
  CHECK(interruption.next_deadline() == Time(110s));
  CHECK_FALSE(interruption.gives_up_channels(109s));
  CHECK(interruption.gives_up_channels(110s));
  CHECK_FALSE(interruption.gives_up_channels(111s));
  CHECK_FALSE(interruption.next_deadline());
}

TEST_CASE("a reader that does not read has a time, and a new one after it has read") {
  Interruption interruption;
  interruption.begin(100s, true);
  CHECK(interruption.next_deadline() == Time(102s));
  interruption.set_unread(true, 101s);  // it is the same one
  CHECK(interruption.next_deadline() == Time(102s));
  interruption.set_unread(false, 101s);
  CHECK_FALSE(interruption.gives_up_reader(105s));
  interruption.set_unread(true, 105s);
  CHECK_FALSE(interruption.gives_up_reader(106s));
  CHECK(interruption.gives_up_reader(107s));
  CHECK_FALSE(interruption.gives_up_reader(108s));
}
