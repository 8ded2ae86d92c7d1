// A run whose tests run several times (--repeat, --until-failure, --time).

#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

Options repeating(int rounds, std::vector<std::string> tests) {
  Options options = naming(std::move(tests));
  options.repeat = rounds;
  return options;
}

class Repeated : public PaperRun {
 public:
  explicit Repeated(Options run_options) : PaperRun(std::move(run_options)) { seen.repeats = true; }
};

/// The server runs the message that it has got.
void runs(PaperRun& paper, const std::string& nonce, const std::vector<std::string>& ids,
          Status status = Status::kSuccess, std::string_view route = "") {
  for (const std::string& id : ids) {
    paper.begins(route, id);
    paper.reports(route, id, status);
  }
  paper.says(route, rpc::Done{nonce});
}

}  // namespace

TEST_CASE("--repeat: every round has each test once, and begins after the one before") {
  Repeated paper(repeating(3, {"a", "b"}));
  paper.ready();
  paper.opens("");
  for (const char* nonce : {"1", "2", "3"}) {
    CHECK(paper.sends(fmt::format("Run {}: a b", nonce)));
    paper.begins("", "a");
    paper.passes("", "a");
    CHECK(paper.sent().empty());
    CHECK(paper.seen.tags["a"] == std::vector<std::string>{fmt::format("round-{}", nonce)});
    paper.begins("", "b");
    paper.passes("", "b");
    paper.says("", rpc::Done{nonce});
  }
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.seen.told("the tests have run 3 times"));
  CHECK(paper.run->ledger().count(Status::kSuccess) == 6);
  CHECK(paper.run->ledger().repeated().empty());
  CHECK(paper.seen.expected == 6);
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("--repeat: a failure in one round is a failure, and the others run") {
  Repeated paper(repeating(2, {"a"}));
  paper.ready();
  paper.opens("");
  runs(paper, "1", {"a"}, Status::kFail);
  runs(paper, "2", {"a"});
  paper.channel_ends();
  CHECK(paper.run->ledger().failures() == 1);
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("--repeat: what retries allow, they allow in each round") {
  Options options = repeating(2, {"a"});
  options.retries = 1;
  options.direct = true;  // the same server
  Repeated paper(options);
  paper.says("", rpc::Hello{{.max = 2, .min = 1}});
  for (const char* nonce : {"1", "3"}) {
    runs(paper, nonce, {"a"}, Status::kFail);
    runs(paper, std::to_string(nonce[0] - '0' + 1), {"a"});
  }
  CHECK(paper.run->tally().flaky == 2);
  CHECK(paper.sends("Goodbye"));
}

TEST_CASE("--repeat: servers that come late, or have died, take part in the next round") {
  Repeated paper(repeating(2, {"a", "b"}));
  paper.ready(2);
  paper.opens("0");
  paper.begins("0", "a");
  paper.passes("0", "a");
  paper.begins("0", "b");
  paper.detaches("0", "killed by SIGKILL (9)");
  CHECK(paper.status("b") == "fail");
  CHECK(has(paper.why("b"), "SIGKILL"));
  paper.sent();
  paper.opens("1");
  CHECK(paper.sends("1 Run 1: a b"));
  runs(paper, "1", {"a", "b"}, Status::kSuccess, "1");
  CHECK(paper.run->ledger().count(Status::kSuccess) == 3);
}

TEST_CASE("--until-failure: no round begins after one with a failure") {
  Options options = repeating(0, {"a", "b"});
  options.until_failure = true;
  Repeated paper(options);
  paper.ready();
  paper.opens("");
  runs(paper, "1", {"a", "b"});
  CHECK(paper.sent().back() == "Run 2: a b");
  paper.begins("", "a");
  paper.reports("", "a", Status::kFail);
  paper.begins("", "b");  // the round goes on
  paper.passes("", "b");
  paper.says("", rpc::Done{"2"});
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.seen.told("the tests have run 2 times"));
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("--until-failure with -x: nor does a test") {
  Options options = repeating(0, {"a", "b"});
  options.until_failure = true;
  options.max_fail = 1;
  Repeated paper(options);
  paper.ready();
  paper.opens("");
  runs(paper, "1", {"a"}, Status::kFail);
  CHECK(paper.sent().back() == "Goodbye");
  paper.channel_ends();
  CHECK(paper.status("b") == "skip");
}

TEST_CASE("--repeat with -x: a failure of the last test of a round begins none") {
  Options options = repeating(3, {"a", "z"});
  options.max_fail = 1;
  Repeated paper(options);
  paper.ready();
  paper.opens("");
  runs(paper, "1", {"a"});
  runs(paper, "2", {"z"}, Status::kFail);
  CHECK(paper.sent().back() == "Goodbye");
  paper.channel_ends();
  CHECK(paper.run->tally().not_run == 0);
  CHECK(paper.seen.told("the tests have run 1 time"));
  CHECK(paper.seen.expected == 2);
}

TEST_CASE("--until-failure: a flaky test is a failure, if it makes the run fail") {
  Options options = repeating(0, {"a"});
  options.until_failure = true;
  options.retries = 1;
  options.flaky_fails = true;
  options.direct = true;
  Repeated paper(options);
  paper.says("", rpc::Hello{{.max = 2, .min = 1}});
  runs(paper, "1", {"a"}, Status::kFail);
  runs(paper, "2", {"a"});
  CHECK(paper.sent().back() == "Goodbye");
}

TEST_CASE("--time: no round begins after so long") {
  Options options = repeating(0, {"a"});
  options.repeat_time = 10s;
  Repeated paper(options);
  paper.ready();
  paper.opens("");
  runs(paper, "1", {"a"});
  paper.wait(9s);
  runs(paper, "2", {"a"});
  paper.wait(2s);
  CHECK(paper.sent().back() == "Run 3: a");
  runs(paper, "3", {"a"});
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("an interrupt ends the round, and begins none") {
  Repeated paper(repeating(0, {"a", "b"}));
  paper.ready();
  paper.opens("");
  runs(paper, "1", {"a", "b"});
  paper.begins("", "a");
  paper.run->interrupt(paper.now);
  paper.passes("", "a");
  paper.says("", rpc::Done{"2"});
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(has(paper.why("b"), "interrupted"));
  CHECK(paper.seen.told("the tests have run 1 time; round 2 was not completed"));
}
