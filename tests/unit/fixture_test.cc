#include <doctest/doctest.h>

#include "common/verdict/end_of_test.h"
#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::verdict;

namespace {

Fixtures after(std::string_view fixture, Status outcome) {
  Fixtures fixtures;
  fixtures.record(*parse_packet(as_bytes(status(fixture, outcome))));
  return fixtures;
}

/// "id status: reason" of the outcome that the test has from a fixture, or "".
std::string answer(const Fixtures& fixtures, std::string_view test_id) {
  const auto outcome = fixtures.outcome(test_id);
  return outcome ? fmt::format("{} {}: {}", test_id, name_of(outcome->status), outcome->reason)
                 : "";
}

}  // namespace

TEST_CASE("fixtures of classes and modules are told from tests") {
  for (const char* id :
       {"setUpClass (a.Case)", "tearDownClass (a.Case)", "setUpModule (a)", "tearDownModule (a.b)"})
    CHECK(is_fixture(id));
  for (const char* id : {"", "a.Case.test", "setUpClass", "setUpClass (a.Case", "a.setUpClass (b)",
                         "setUpClasses (a)", "a.Case.test (setUpClass)"})
    CHECK(!is_fixture(id));
}

TEST_CASE("a test that has not run ends as the fixture of its class did") {
  const Fixtures skipped = after("setUpClass (a.b.Case)", Status::kSkip);
  for (const std::string id :
       {"a.b.Case.test", "a.b.Case.test(sce.nario)", "a.b.Case.test[id-1.2,smoke]"}) {
    CHECK(answer(skipped, id) ==
          id + " skip: setUpClass (a.b.Case) was skipped, so this test did not run\n");
  }
  for (const char* id : {"a.b.Case2.test", "a.b.Case.Inner.test", "b.Case.test", "Case.test",
                         "a.b.Case", "test", ""})
    CHECK(answer(skipped, id).empty());
  CHECK(answer(after("setUpClass (a.b.Case)", Status::kFail), "a.b.Case.test") ==
        "a.b.Case.test fail: setUpClass (a.b.Case) failed, so this test did not run\n");
}

TEST_CASE("a test that has not run ends as the fixture of its module did") {
  const Fixtures skipped = after("setUpModule (a.b)", Status::kSkip);
  CHECK(answer(skipped, "a.b.Case.test") ==
        "a.b.Case.test skip: setUpModule (a.b) was skipped, so this test did not run\n");
  // It may be one of the module a.b.c, about which this says nothing.
  CHECK(answer(skipped, "a.b.c.Case.test").empty());
}

TEST_CASE("a fixture keeps no test from running at the end, nor before its own") {
  CHECK(answer(after("tearDownClass (a.Case)", Status::kFail), "a.Case.test").empty());
  CHECK(answer(after("setUpClass (a.Case)", Status::kInProgress), "a.Case.test").empty());
  CHECK(answer(after("setUpClass (a.Case)", Status::kSuccess), "a.Case.test").empty());
}
