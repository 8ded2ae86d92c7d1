#include "common/command/answer.h"

#include <doctest/doctest.h>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::command;

namespace {

using Ids = std::vector<std::string>;

const CommandEnd kClean;
const CommandEnd kFailed{false, "the command exited with status 127", "\nstderr:\nsh: not found\n"};
const CommandEnd kKilled{
    .clean = false, .text = "the command was killed by SIGSEGV (11)", .killed = true};
constexpr Timestamp kNow{1750000000, 0};

/// What the answer makes of a packet.
Fate take(auto& answer, const std::string& bytes) {
  return answer.take(*parse_packet(as_bytes(bytes)));
}

/// "id status" of each packet, and the text of its attachment behind ": ".
Ids described(const Buffer& packets) {
  Ids result;
  Decoder decoder;
  decoder.receive(packets, Time(0));
  while (const auto event = decoder.next_event()) {
    const auto& packet = std::get<Packet>(*event);
    result.push_back(fmt::format("{} {}", packet.test_id.value_or("-"), name_of(packet.status)));
    if (packet.file) result.back().append(": ").append(as_text(packet.file->content));
  }
  return result;
}

Ids ended(RunAnswer& answer, const CommandEnd& how) {
  Buffer out;
  CHECK(answer.end(how, kNow, out));
  return described(out);
}

}  // namespace

TEST_CASE("a list of all tests is what the command says") {
  ListAnswer answer(std::nullopt);
  CHECK(take(answer, status("a", Status::kExists)) == Fate::kPass);
  Buffer out;
  CHECK(answer.end(kClean, kNow, out));
  CHECK(out.empty());
}

TEST_CASE("a list of some tests has those that exist, once each, in the order asked for") {
  ListAnswer answer(Ids{"c", "gone", "a", "c"});
  for (const char* id : {"a", "b", "c", "c"})
    CHECK(take(answer, status(id, Status::kExists)) == Fate::kKeep);
  CHECK(take(answer, packet({.file = File{"warnings", as_bytes("x")}})) == Fate::kPass);
  Buffer out;
  CHECK(answer.end(kClean, kNow, out));
  CHECK(described(out) == Ids{"c exists", "a exists"});
}

TEST_CASE("a command that fails has listed nothing") {
  ListAnswer answer(std::nullopt);
  Buffer out;
  const auto result = answer.end(kFailed, kNow, out);
  REQUIRE(!result);
  CHECK(result.error().text == "the command exited with status 127\n\nstderr:\nsh: not found\n");
}

TEST_CASE("a command that cannot be started is told once") {
  const CommandEnd not_started{.clean = false, .text = "cannot start \"suite\": no such file"};
  Buffer out;
  CHECK(ListAnswer(std::nullopt).end(not_started, kNow, out).error().text == not_started.text);
  RunAnswer one(Ids{"a"}, {});
  CHECK(ended(one, not_started) ==
        Ids{"a fail: no result for this test: cannot start \"suite\": no such file\n"});
  RunAnswer all(std::nullopt, {});
  CHECK(ended(all, not_started) ==
        Ids{"process-returncode fail: no test has failed, but tests may be missing: cannot start "
            "\"suite\": no such file\n"});
}

TEST_CASE("what claims to be a message of the protocol is noise") {
  ListAnswer list(std::nullopt);
  RunAnswer run(std::nullopt, {.one_a_line = true});
  for (const char* id : {"testrepository-rpc", "testrepository-proxy"}) {
    CHECK(take(list, status(id, Status::kExists)) == Fate::kNoise);
    CHECK(take(run, status(id, Status::kFail)) == Fate::kNoise);
  }
}

TEST_CASE("every test asked for has an end, and the output of the command stands in the first") {
  RunAnswer answer(Ids{"a", "b", "c", "b"}, {.one_a_line = true});
  CHECK(answer.to_run() == Ids{"a", "b", "c"});
  CHECK(take(answer, status("a", Status::kSuccess)) == Fate::kPass);
  CHECK(ended(answer, kFailed) ==
        Ids{"b fail: no result for this test: the command exited with status 127\n"
            "\nstderr:\nsh: not found\n",
            "c fail: no result for this test: the command exited with status 127\n"});
}

TEST_CASE("what was to follow a test that took the command down is left to another command") {
  RunAnswer first(Ids{"a", "dies", "b", "line\nfeed", "c"}, {.one_a_line = true});
  take(first, status("a", Status::kSuccess));
  take(first, status("dies", Status::kInProgress));
  CHECK(ended(first, kKilled).size() == 1);  // the one that cannot be passed
  auto second = rest_of(first);
  REQUIRE(second);
  auto& rest = std::get<RunAnswer>(*second);
  CHECK(rest.to_run() == Ids{"b", "c"});
  // The next one dies before it has ended anything, and so would another.
  CHECK(ended(rest, kKilled) ==
        Ids{"b fail: no result for this test: the command was killed by SIGSEGV (11)\n",
            "c fail: no result for this test: the command was killed by SIGSEGV (11)\n"});
  CHECK_FALSE(rest_of(*second));
}

TEST_CASE("a command that exits between two tests has left out the others on purpose") {
  RunAnswer answer(Ids{"a", "b"}, {.one_a_line = true});
  take(answer, status("a", Status::kFail));
  CHECK(ended(answer, kFailed).size() == 1);
  CHECK_FALSE(rest_of(answer));
}

TEST_CASE("of a run of all tests, a list tells what is left") {
  RunAnswer all(std::nullopt, {.one_a_line = true});
  take(all, status("a", Status::kSuccess));
  take(all, status("dies", Status::kInProgress));
  CHECK(ended(all, kKilled).empty());
  auto listing = rest_of(all);
  REQUIRE(listing);
  auto& list = std::get<RestAnswer>(*listing);
  for (const char* id : {"a", "dies", "b"})
    CHECK(take(list, status(id, Status::kExists)) == Fate::kKeep);
  Buffer out;
  CHECK(list.end(kClean, kNow, out));
  CHECK(out.empty());
  auto rest = rest_of(*listing);
  REQUIRE(rest);
  CHECK(std::get<RunAnswer>(*rest).to_run() == Ids{"b"});
}

TEST_CASE("if it cannot be told what is left of a run of all tests, that is a failure") {
  RunAnswer all(std::nullopt, {.one_a_line = true});
  take(all, status("dies", Status::kInProgress));
  CHECK(ended(all, kKilled).empty());
  auto listing = rest_of(all);
  REQUIRE(listing);
  auto& list = std::get<RestAnswer>(*listing);
  take(list, status("b", Status::kExists));
  Buffer out;
  CHECK(list.end(kFailed, kNow, out));
  const Ids failures = described(out);
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].starts_with("process-returncode fail: the command died in a test, and which"));
  CHECK_FALSE(rest_of(*listing));
}

TEST_CASE("a test without result ends as the fixture that has kept it from running") {
  RunAnswer answer(Ids{"a.Skips.test", "a.Fails.test", "a.Other.test"}, {.one_a_line = true});
  take(answer, status("setUpClass (a.Skips)", Status::kSkip));
  take(answer, status("setUpClass (a.Fails)", Status::kFail));
  CHECK(ended(answer, kClean) ==
        Ids{"a.Skips.test skip: setUpClass (a.Skips) was skipped, so this test did not run\n",
            "a.Fails.test fail: setUpClass (a.Fails) failed, so this test did not run\n",
            "a.Other.test fail: no result for this test: the command exited with status 0\n"});
}

TEST_CASE("a command that fails although all tests asked for have passed has done its work") {
  RunAnswer answer(Ids{"a"}, {.one_a_line = true});
  take(answer, status("a", Status::kSuccess));
  CHECK(ended(answer, kFailed).empty());
}

TEST_CASE("a command that fails in a run of all tests without a failed test is a failure") {
  RunAnswer answer(std::nullopt, {.one_a_line = true});
  take(answer, status("a", Status::kSuccess));
  const Ids failures = ended(answer, kFailed);
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].starts_with(
      "process-returncode fail: no test has failed, but tests may be missing: the command exited "
      "with status 127\n"));
  CHECK(failures[0].ends_with("sh: not found\n"));
}

TEST_CASE(
    "a command that fails in a run of all tests because a test has is no failure of its own") {
  RunAnswer failed(std::nullopt, {.one_a_line = true});
  take(failed, status("a", Status::kFail));
  CHECK(ended(failed, kFailed).empty());
  RunAnswer in_progress(std::nullopt, {.one_a_line = true});
  take(in_progress, status("a", Status::kInProgress));
  CHECK(ended(in_progress, kFailed).empty());
  RunAnswer clean(std::nullopt, {.one_a_line = true});
  CHECK(ended(clean, kClean).empty());
}

TEST_CASE("an id that cannot be passed to the command fails, and the others run") {
  const Ids ids{"a", "line\nfeed", std::string("nul\0", 4)};
  RunAnswer by_file(ids, {.one_a_line = true});
  CHECK(by_file.to_run() == Ids{"a"});
  take(by_file, status("a", Status::kSuccess));
  const Ids failures = ended(by_file, kClean);
  REQUIRE(failures.size() >= 1);
  CHECK(failures[0].starts_with("line\nfeed fail: this test cannot be passed"));
  CHECK_FALSE(by_file.empty());
  CHECK(RunAnswer(Ids{"line\nfeed"}, {.one_a_line = true}).empty());
  RunAnswer by_words(ids, {});
  CHECK(by_words.to_run() == Ids{"a", "line\nfeed"});
}

TEST_CASE("no command is needed for a list or run of no tests") {
  CHECK(ListAnswer(Ids{}).empty());
  CHECK(RunAnswer(Ids{}, {.one_a_line = true}).empty());
  CHECK_FALSE(ListAnswer(std::nullopt).empty());
  CHECK_FALSE(RunAnswer(std::nullopt, {.one_a_line = true}).empty());
}

TEST_CASE("as many tests as go together are run by one command, and the others by further ones") {
  const RunRules rules{.together = [](auto ids) { return ids.size() < 2 ? 1 : std::size_t(2); }};
  RunAnswer first(Ids{"a", "b", "c"}, rules);
  CHECK(first.to_run() == Ids{"a", "b"});
  take(first, status("a", Status::kSuccess));
  take(first, status("b", Status::kSuccess));
  CHECK(ended(first, kClean).empty());
  auto second = rest_of(first);
  REQUIRE(second);
  CHECK(std::get<RunAnswer>(*second).to_run() == Ids{"c"});
}

TEST_CASE(
    "where a command dies before any of several tests has started, each gets one of its own") {
  const RunRules rules{.together = [](auto ids) { return ids.size(); }};
  RunAnswer together(Ids{"a", "b"}, rules);
  CHECK(ended(together, kKilled).empty());
  auto alone = rest_of(together);
  REQUIRE(alone);
  auto& first = std::get<RunAnswer>(*alone);
  CHECK(first.to_run() == Ids{"a"});
  CHECK(ended(first, kKilled) ==
        Ids{"a fail: no result for this test: the command was killed by SIGSEGV (11)\n"});
  auto last = rest_of(*alone);
  REQUIRE(last);
  CHECK(std::get<RunAnswer>(*last).to_run() == Ids{"b"});
}

TEST_CASE("a command that exits with status 0 within a test has died in it") {
  RunAnswer answer(Ids{"exits", "b"}, {});
  take(answer, status("exits", Status::kInProgress));
  CHECK(ended(answer, kClean).empty());
  REQUIRE(rest_of(answer));
}

TEST_CASE("a test that does not exist fails, and no command is asked for it") {
  const RunRules rules{.exists = [](const std::string& id) { return id == "a"; }};
  RunAnswer answer(Ids{"a", "*"}, rules);
  CHECK(answer.to_run() == Ids{"a"});
  take(answer, status("a", Status::kSuccess));
  CHECK(ended(answer, kClean) == Ids{"* fail: there is no test with this id\n"});
  CHECK(RunAnswer(Ids{"*"}, rules).empty());
}

TEST_CASE(
    "where the exit status counts, a command that fails without a test that has is a failure") {
  RunAnswer answer(Ids{"a"}, {.status_counts = true});
  take(answer, status("a", Status::kSuccess));
  const Ids failure = ended(answer, kFailed);
  REQUIRE(failure.size() == 1);
  CHECK(failure[0].starts_with("process-returncode fail: no test has failed, but the command"));
  RunAnswer killed(Ids{"a", "b"}, {.status_counts = true});
  take(killed, status("a", Status::kSuccess));
  CHECK(ended(killed, kKilled).size() == 1);
  CHECK(rest_of(killed));
  RunAnswer failing(Ids{"a"}, {.status_counts = true});
  take(failing, status("a", Status::kFail));
  CHECK(ended(failing, kFailed).empty());
}

TEST_CASE("tests that have to be listed first are run when that is done, and an error if not") {
  RestAnswer listing(Ids{"a"}, RunRules());
  CHECK(take(listing, status("a", Status::kExists)) == Fate::kKeep);
  Buffer out;
  REQUIRE(listing.end(kClean, kNow, out));
  const auto run = listing.rest();
  REQUIRE(run);
  CHECK(run->to_run() == Ids{"a"});
  RestAnswer all(std::nullopt, RunRules());
  take(all, status("b", Status::kExists));
  REQUIRE(all.end(kClean, kNow, out));
  CHECK(all.rest()->to_run() == Ids{"b"});
  RestAnswer failed(Ids{"a"}, RunRules());
  CHECK_FALSE(failed.end(kFailed, kNow, out));
  CHECK_FALSE(failed.rest());
  CHECK(out.empty());
}
