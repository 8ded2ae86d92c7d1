#include "common/verdict/ledger.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::verdict;

namespace {

using Ids = Ledger::Ids;

void pass(Ledger& ledger, std::string_view id) {
  ledger.record(id, Status::kInProgress);
  ledger.record(id, Status::kSuccess);
}

}  // namespace

TEST_CASE("a run is green once everything expected was answered without a failure") {
  Ledger ledger;
  CHECK(ledger.green());
  ledger.expect("a");
  ledger.expect("b");
  CHECK_FALSE(ledger.complete());
  pass(ledger, "b");
  CHECK_FALSE(ledger.complete());
  CHECK_FALSE(ledger.green());
  ledger.record("a", Status::kSkip);
  CHECK(ledger.complete());
  CHECK(ledger.green());
  CHECK(ledger.count(Status::kSuccess) == 1);
  CHECK(ledger.count(Status::kSkip) == 1);
}

TEST_CASE(
    "failures and unexpected successes keep a run from being green, expected failures do not") {
  const auto green = [](Status status) {
    Ledger ledger;
    ledger.expect("a");
    ledger.record("a", status);
    CHECK(ledger.complete());
    CHECK(ledger.failures() == (ledger.green() ? 0 : 1));
    return ledger.green();
  };
  CHECK(green(Status::kExpectedFailure));
  CHECK_FALSE(green(Status::kFail));
  CHECK_FALSE(green(Status::kUnexpectedSuccess));
}

TEST_CASE("a failure of something never expected keeps a run from being green") {
  Ledger ledger;
  ledger.record("setUpClass (a.Test)", Status::kFail);
  CHECK(ledger.complete());
  CHECK_FALSE(ledger.green());
}

TEST_CASE("a test in progress keeps a run from being green, even if it has ended before") {
  Ledger ledger;
  ledger.expect("a");
  pass(ledger, "a");
  ledger.record("b", Status::kInProgress);
  ledger.record("a", Status::kInProgress);
  CHECK(ledger.complete());
  CHECK_FALSE(ledger.green());
  CHECK(ledger.in_progress() == OpenTests::Ids{"b", "a"});
}

TEST_CASE("what was not answered is named as often as it is missing, in the order expected") {
  Ledger ledger;
  for (const auto* id : {"c", "a", "b", "a", "a", "c"}) ledger.expect(id);
  CHECK(ledger.missing() == Ids{"c", "a", "b", "a", "a", "c"});
  pass(ledger, "a");
  pass(ledger, "c");
  CHECK(ledger.missing() == Ids{"b", "a", "a", "c"});
  pass(ledger, "b");
  pass(ledger, "a");
  pass(ledger, "a");
  CHECK_FALSE(ledger.complete());
  pass(ledger, "c");
  CHECK(ledger.complete());
  CHECK(ledger.missing().empty());
}

TEST_CASE("what was never expected, or answered too often, is named once") {
  Ledger ledger;
  ledger.expect("b");
  ledger.expect("a");
  ledger.expect("a");
  for (const auto* id : {"x", "a", "y", "x", "a", "b", "b", "a", "a"}) pass(ledger, id);
  CHECK(ledger.complete());
  CHECK(ledger.unexpected() == Ids{"x", "y"});
  CHECK(ledger.repeated() == Ids{"b", "a"});
  CHECK(ledger.count(Status::kSuccess) == 9);
}

TEST_CASE("every final status is one answer, also the second under one start") {
  Ledger ledger;
  ledger.expect("a");
  ledger.record("a", Status::kInProgress);
  ledger.record("a", Status::kSuccess);
  ledger.record("a", Status::kFail);
  CHECK(ledger.repeated() == Ids{"a"});
  CHECK_FALSE(ledger.green());
}

TEST_CASE("an answer that comes before it is expected counts") {
  Ledger ledger;
  pass(ledger, "a");
  CHECK(ledger.unexpected() == Ids{"a"});
  ledger.expect("a");
  CHECK(ledger.complete());
  CHECK(ledger.unexpected().empty());
  ledger.expect("a");
  CHECK(ledger.missing() == Ids{"a"});
}

TEST_CASE("packets without test id or final status are no answers") {
  Ledger ledger;
  ledger.expect("a");
  const std::string log = "log";
  for (const std::string& bytes :
       {status("a", Status::kExists), status("a", Status::kInProgress),
        packet({.test_id = "a", .file = File{"log", as_bytes(log)}, .eof = true}),
        packet({.status = Status::kFail}), packet({.status = Status::kSuccess})})
    ledger.record(*parse_packet(as_bytes(bytes)));
  CHECK(ledger.missing() == Ids{"a"});
  CHECK(ledger.failures() == 0);
  CHECK(ledger.in_progress() == OpenTests::Ids{"a"});
  const std::string end = status("a", Status::kSuccess);
  ledger.record(*parse_packet(as_bytes(end)));
  CHECK(ledger.green());
}

TEST_CASE("half a million tests, all in progress at once, are no trouble") {
  constexpr int kTests = 500'000;
  const auto id = [](int i) { return "package.module.Class.test_number_" + std::to_string(i); };
  Ledger ledger;
  for (int i = 0; i < kTests; ++i) ledger.expect(id(i));
  for (int i = 0; i < kTests; ++i) ledger.record(id(i), Status::kInProgress);
  for (int i = kTests - 1; i > 0; --i) ledger.record(id(i), Status::kSuccess);
  CHECK(ledger.missing() == Ids{id(0)});
  CHECK(ledger.in_progress() == OpenTests::Ids{id(0)});
  ledger.record(id(0), Status::kSuccess);
  CHECK(ledger.green());
}

TEST_CASE("answers that nobody has asked for are counted without end, and named up to a bound") {
  Ledger ledger;
  ledger.expect("a");
  for (std::size_t i = 0; i < Ledger::kMaxUnexpected + 10; ++i)
    ledger.record(std::to_string(i), Status::kFail);
  CHECK(ledger.unexpected().size() == Ledger::kMaxUnexpected);
  CHECK(ledger.forgotten() == 10);
  CHECK(ledger.failures() == Ledger::kMaxUnexpected + 10);
  CHECK_FALSE(ledger.complete());
  ledger.record("a", Status::kSuccess);
  CHECK(ledger.complete());

  Ledger long_ids;
  const std::string id(Ledger::kMaxUnexpectedBytes / 2, 'x');
  for (const char* end : {"a", "b", "c"}) long_ids.record(id.substr(1) + end, Status::kSuccess);
  CHECK(long_ids.unexpected().size() == 2);
  CHECK(long_ids.forgotten() == 1);
}
