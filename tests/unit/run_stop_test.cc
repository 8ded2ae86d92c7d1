// A run that ends after some failures (--max-fail).

#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

Options stopping_at(int failures, std::vector<std::string> tests) {
  Options options = naming(std::move(tests));
  options.max_fail = failures;
  return options;
}

bool has_tag(PaperRun& paper, const std::string& id, std::string_view tag) {
  return std::ranges::find(paper.seen.tags[id], tag) != paper.seen.tags[id].end();
}

}  // namespace

TEST_CASE("after the last failure that is allowed nothing is sent any more") {
  PaperRun paper(stopping_at(1, {"a", "b", "c"}));
  paper.ready();
  paper.opens("");
  CHECK(paper.sends("Run 1: a"));  // nothing ahead
  paper.begins("", "a");
  paper.reports("", "a", Status::kFail);
  CHECK(paper.sent().empty());  // nothing is left to cancel
  paper.says("", rpc::Done{"1"});
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.seen.completed == true);
  CHECK(paper.status("b") == "skip");
  CHECK(paper.why("b") == "not run: 1 test has failed (--max-fail 1)\n");
  CHECK(has_tag(paper, "c", "not-run"));
  CHECK(paper.run->tally().not_run == 2);
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("what others have in progress runs to its end, and counts") {
  PaperRun paper(stopping_at(2, {"a", "b", "c", "d", "e", "f"}));
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  paper.sent();
  paper.begins("0", "a");
  paper.begins("1", "b");
  paper.reports("0", "a", Status::kFail);
  paper.says("0", rpc::Done{"1"});
  CHECK(paper.sends("0 Run 2: c"));  // one failure is allowed
  paper.begins("0", "c");
  paper.reports("0", "c", Status::kFail);
  CHECK(paper.sent().empty());
  paper.says("0", rpc::Done{"2"});
  CHECK(paper.sent().empty());  // the other one is waited for
  paper.passes("1", "b");
  paper.says("1", rpc::Done{"1"});
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.status("b") == "success");
  CHECK(paper.status("d") == "skip");
  CHECK(paper.run->tally().not_run == 3);
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("a test that a server has broken off, or that hangs, when the run stops") {
  Options options = stopping_at(1, {"a", "b", "c"});
  options.test_timeout = 5s;
  PaperRun paper(options);
  paper.ready(3);
  for (const char* server : {"0", "1", "2"}) paper.opens(server);
  paper.sent();
  paper.begins("0", "a");
  paper.begins("1", "b");
  paper.begins("2", "c");
  paper.reports("0", "a", Status::kFail);
  paper.says("0", rpc::Done{"1"});
  paper.says("1", rpc::Done{"1"});
  paper.wait(6s);
  paper.detaches("2", "the test server was killed by SIGKILL (9)");
  CHECK(paper.sends("Goodbye"));
  paper.channel_ends();
  CHECK(paper.status("b") == "skip");
  CHECK(has(paper.why("b"), "while this test was in progress"));
  CHECK(paper.status("c") == "fail");
  CHECK(has_tag(paper, "c", "timed-out"));
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("the last server dies when the run is to stop, and that does not keep it from ending") {
  PaperRun paper(stopping_at(1, {"a", "b"}));
  paper.ready();
  paper.opens("");
  paper.sent();
  paper.begins("", "a");
  paper.reports("", "a", Status::kFail);
  paper.channel_ends("\"ssh\" exited with status 255");
  CHECK(paper.run->over());
  CHECK(paper.status("b") == "fail");
  CHECK(has(paper.why("b"), "exited with status 255"));
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("enough failures at the very end leave nothing out") {
  PaperRun paper(stopping_at(1, {"a"}));
  paper.ready();
  paper.opens("");
  paper.begins("", "a");
  paper.reports("", "a", Status::kFail);
  paper.says("", rpc::Done{"1"});
  paper.channel_ends();
  CHECK(paper.seen.completed == true);
  CHECK_FALSE(paper.seen.told("no other test begins"));
  CHECK(paper.run->tally().not_run == 0);
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("over a slow channel tests are sent ahead, and cancelled") {
  PaperRun paper(stopping_at(1, {"a", "b", "c"}));
  paper.ready();
  paper.attaches("");
  paper.wait(300ms);
  paper.says("", rpc::Hello{{.max = 2, .min = 1}});
  CHECK(paper.sends("Run 1: a"));  // it may have been the server that took its time
  paper.wait(300ms);
  paper.begins("", "a");
  CHECK(paper.sends("Run 2: b"));
  paper.reports("", "a", Status::kFail);
  CHECK(paper.sent() == std::vector<std::string>{"Cancel 2"});
  paper.says("", rpc::Done{"1"});
  CHECK(paper.sent().empty());
  paper.says("", rpc::Done{"2"});
  CHECK(paper.sends("Goodbye"));
  paper.channel_ends();
  CHECK(paper.status("b") == "skip");
  CHECK(paper.run->exit_status() == 1);
}
