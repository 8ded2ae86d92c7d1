#include "common/adapter/gtest/gtest_filter.h"

#include <doctest/doctest.h>

using subunit::adapter::gtest_filter_for;
using subunit::adapter::matches_gtest_filter;

TEST_CASE("a filter of GoogleTest takes what GoogleTest says") {
  struct Case {
    const char* filter;
    bool taken;  // Suite.Name
  };
  for (const Case& each : {Case{"*", true},
                           {"", false},
                           {"Suite.Name", true},
                           {"suite.name", false},
                           {"Suite", false},
                           {"Suite.*", true},
                           {"S*.*e", true},
                           {"*uite*uite*", false},
                           {"Suite.Nam?", true},
                           {"Suite.Name?", false},
                           {"Other.*:Suite.Name", true},
                           {"Other.*:Another", false},
                           {"-Other.*", true},
                           {"-Suite.*", false},
                           {"-Other.*:*.Name", false},
                           {"Suite.*-*.Other", true},
                           {"Suite.*-*.Name", false},
                           {"**e", true}}) {
    CAPTURE(each.filter);
    CHECK(matches_gtest_filter(each.filter, "Suite.Name") == each.taken);
  }
}

TEST_CASE("the filter for a name takes the name, whatever is in it") {
  for (const char* name : {"Suite.Name", "S/std::vector<a*b>.N-1", "S.*", "S.?"}) {
    CAPTURE(name);
    CHECK(matches_gtest_filter(gtest_filter_for(name), name));
    CHECK_FALSE(matches_gtest_filter(gtest_filter_for(name), "Suite.Other"));
  }
}
