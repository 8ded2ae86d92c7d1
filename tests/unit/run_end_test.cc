// What a run lists, how it is interrupted, and what it ends with.

#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

void lists(PaperRun& paper, std::initializer_list<const char*> ids) {
  for (const char* id : ids) paper.reports("", id, Status::kExists);
  paper.says("", rpc::Done{"1"});
}

}  // namespace

TEST_CASE("without names a run asks for the list, and then for all at once") {
  PaperRun paper;
  paper.ready();
  paper.opens("");
  CHECK(paper.sends("List 1"));
  lists(paper, {"a", "b"});
  CHECK(paper.seen.listed.empty());  // nobody wanted to see it
  CHECK(paper.seen.expected == 2);
  CHECK(paper.sends("Run 2: all"));
}

TEST_CASE("names are asked for without a list, in the order given") {
  PaperRun paper(naming({"b", "a", "b"}));
  paper.ready();
  paper.opens("");
  CHECK(paper.sends("Run 1: b a"));
}

TEST_CASE("--match runs what it finds of the list, and nothing is an error of the user's") {
  Options options;
  options.match = {"net"};
  PaperRun some(options);
  some.ready();
  some.opens("");
  some.sent();
  lists(some, {"a", "net.b", "c"});
  CHECK(some.sends("Run 2: net.b"));

  PaperRun none(options);
  none.ready();
  none.opens("");
  lists(none, {"a", "c"});
  CHECK(
      none.seen.told("none of the 2 tests is selected by --match: nothing to run (--allow-empty"));
  none.channel_ends();
  CHECK(none.run->exit_status() == 2);
}

TEST_CASE("--list shows what matches and runs nothing") {
  Options options;
  options.list = true;
  options.match = {"net"};
  PaperRun paper(options);
  paper.ready();
  paper.opens("");
  paper.sent();
  lists(paper, {"a", "net.b"});
  CHECK(paper.seen.listed == std::vector<std::string>{"net.b"});
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("a run that could not be completed fails a test of its own, and the next one ends that") {
  PaperRun lost(naming({"a"}));
  lost.ready();
  lost.channel_ends("\"ssh\" exited with status 255");
  CHECK(lost.status("a") == "fail");
  CHECK(lost.status("subunit-proxy.run") == "fail");
  CHECK(has(lost.why("subunit-proxy.run"), "exited with status 255\n"));

  PaperRun next(naming({"a", "subunit-proxy.run"}));
  next.ready();
  next.opens("");
  CHECK(next.sends("Run 1: a"));
  next.passes("", "a");
  next.says("", rpc::Done{"1"});
  next.channel_ends();
  CHECK(next.status("subunit-proxy.run") == "success");
  CHECK(next.seen.incidents.size() == 1);  // the server is attached
  CHECK(next.run->exit_status() == 0);
}

TEST_CASE("a run without tests is no success, unless that is wanted") {
  for (const bool wanted : {false, true}) {
    Options options;
    options.allow_empty = wanted;
    PaperRun paper(options);
    paper.ready();
    paper.opens("");
    paper.sent();
    lists(paper, {});
    paper.channel_ends();
    CHECK(paper.seen.told("the test server has no tests: nothing to run") == !wanted);
    CHECK(paper.run->exit_status() == (wanted ? 0 : 2));
  }
}

TEST_CASE("a server that ends in the middle of its list is started again to run tests") {
  PaperRun paper;
  paper.ready();
  paper.opens("");
  paper.sent();
  paper.reports("", "a", Status::kExists);
  paper.detaches("", "the test server was killed by SIGKILL (9)");
  CHECK(paper.sends("Respawn : tests are waiting for this server"));
  paper.opens("");
  CHECK(paper.sends("List 1"));
  lists(paper, {"a"});
  CHECK(paper.sends("Run 2: all"));
}

TEST_CASE("what of a list was shown is not shown again: its server's end is the end of the run") {
  Options options;
  options.list = true;
  PaperRun paper(options);
  paper.ready();
  paper.opens("");
  paper.reports("", "a", Status::kExists);
  paper.detaches("", "the test server was killed by SIGKILL (9)");
  paper.opens("");
  CHECK(has(paper.run->problem(), "ended before it had listed all tests"));
}

TEST_CASE("an id that is listed twice is asked for once and answered twice") {
  PaperRun paper;
  paper.ready(2);
  paper.opens("0");
  paper.sent();
  for (const char* id : {"a", "a", "b"}) paper.reports("0", id, Status::kExists);
  paper.says("0", rpc::Done{"1"});
  CHECK(paper.seen.told("1 test id is listed more than once; each is requested once: \"a\""));
  CHECK(paper.seen.expected == 3);
}

TEST_CASE("an interrupt cancels, says Goodbye, and fails what has not ended") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready();
  paper.opens("");
  paper.sent();
  paper.begins("", "a");
  paper.run->interrupt(paper.now);
  CHECK(paper.sent() == std::vector<std::string>{"Cancel 1", "Goodbye"});
  CHECK(paper.remote(0).finished());
  paper.wait(1999ms, false);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1ms, false);
  CHECK(paper.remote(0).hang_up() == 6s);
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(paper.run->problem() == "interrupted");
  CHECK(paper.why("a") == "interrupted while this test was in progress\n");
  CHECK(paper.why("b") == "not run: interrupted\n");
}

TEST_CASE("a test that ends after an interrupt keeps its result") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("", 0, 1);
  paper.sent();
  paper.begins("", "a");
  paper.run->interrupt(paper.now);
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});  // version 1 has no Cancel
  paper.passes("", "a");
  paper.channel_ends();
  CHECK(paper.status("a") == "success");
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("a second interrupt waits for a second, not for the grace period") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.run->interrupt(paper.now);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.run->interrupt(paper.now);
  CHECK(paper.remote(0).hang_up() == 1s);
}

TEST_CASE("after an interrupt nobody waits for a reader of the results that takes nothing") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  SUBCASE("that stood still before") {
    paper.run->set_flow(false, paper.now);
    paper.wait(60s);
    paper.run->interrupt(paper.now);
  }
  SUBCASE("that stands still after it") {
    paper.run->interrupt(paper.now);
    paper.run->set_flow(false, paper.now);
  }
  paper.wait(1999ms);
  CHECK_FALSE(paper.run->is_output_lost());
  paper.wait(1ms);
  CHECK(paper.run->is_output_lost());
  CHECK(paper.seen.told("nobody reads the results: the rest of them is dropped"));
  CHECK(paper.remote(0).hang_up() == 6s);
  paper.channel_ends();
  CHECK(paper.run->problem() == "interrupted");
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("after an interrupt a slow reader and results without end keep the run for ten seconds") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.run->interrupt(paper.now);
  for (int i = 0; i < 9; ++i) {
    paper.run->set_flow(false, paper.now);
    paper.wait(1s);
    paper.run->set_flow(true, paper.now);
    paper.reports("", "a", Status::kNone, File{"stdout", as_bytes("more")});
  }
  CHECK_FALSE(paper.run->is_output_lost());
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1s);
  CHECK(paper.remote(0).hang_up() == 1s);
}

TEST_CASE("without an interrupt a reader has all the time there is") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.run->set_flow(false, paper.now);
  paper.wait(3600s);
  CHECK_FALSE(paper.run->is_output_lost());
}

TEST_CASE("an interrupt before anything answers hangs up at once") {
  PaperRun paper(naming({"a"}));
  paper.run->interrupt(paper.now);
  CHECK(paper.remote(0).hang_up() == 6s);
}

TEST_CASE("a verdict counts from the server that was asked to run the test") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  REQUIRE(paper.sends("0 Run 1: a b"));
  paper.begins("1", "b");
  paper.passes("1", "b");
  CHECK(paper.status("b").empty());
  paper.passes("0", "a");
  paper.reports("0", "b", Status::kFail);
  paper.says("0", rpc::Done{"1"});
  CHECK(paper.sends("Goodbye"));
  paper.channel_ends();
  CHECK(paper.status("b") == "fail");
  CHECK(paper.run->exit_status() == 1);
  CHECK(
      paper.seen.told("1 result came from a server that was not asked to run the test, or had said "
                      "Done already, and does not count: \"b\""));
}

TEST_CASE("a verdict counts neither before the test was asked for nor after Done") {
  PaperRun paper;
  paper.ready();
  paper.opens("");
  paper.passes("", "a");
  lists(paper, {"a", "b"});
  CHECK(paper.sends("Run 2: all"));
  paper.passes("", "a");
  paper.says("", rpc::Done{"2"});
  CHECK(paper.status("b") == "fail");
  paper.passes("", "b");
  CHECK(paper.status("b") == "fail");
  paper.channel_ends();
  CHECK(paper.seen.told("2 results came from a server that was not asked"));
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("a server that ends badly after Goodbye takes no result back") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.passes("", "a");
  paper.says("", rpc::Done{"1"});
  CHECK(paper.sends("Goodbye"));
  paper.detaches("", "the test server exited with status 9");
  CHECK(
      paper.seen.told("worker-0: the test server exited with status 9; all results had come before "
                      "that"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("a server that ends badly after an interrupt is told of with what it has cost") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.run->interrupt(paper.now);
  paper.detaches("", "the test server exited with status 9");
  paper.channel_ends();
  CHECK_FALSE(paper.seen.told("all results had come"));
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("when nobody takes the results, the run ends, with every channel hung up") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.run->output_lost("cannot write the results to stdout: broken pipe", paper.now);
  CHECK(paper.remote(0).hang_up() == 6s);
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("tests that ran without being asked for, or twice, are told; fixtures are not tests") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.reports("", "setUpClass (m.A)", Status::kSkip);
  paper.passes("", "a");
  paper.passes("", "b");
  paper.says("", rpc::Done{"1"});
  paper.channel_ends();
  CHECK(paper.seen.told("1 test ran without being requested: \"b\""));
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("the history is brought up to date") {
  schedule::Durations durations;
  Plan::Files files;
  files.history = durations;
  const auto timed = [](PaperRun& paper, std::string_view id, std::uint32_t from,
                        std::uint32_t to) {
    paper.arrives(packet({.test_id = id,
                          .route_code = "0",
                          .timestamp = Timestamp{from, 0},
                          .status = Status::kInProgress}));
    paper.arrives(packet({.test_id = id,
                          .route_code = "0",
                          .timestamp = Timestamp{to, 0},
                          .status = Status::kSuccess}));
  };
  PaperRun first(naming({"short", "long"}), files);
  first.ready(2);
  first.opens("0");
  timed(first, "short", 100, 101);
  timed(first, "long", 200, 260);
  REQUIRE(first.plan.history());
  CHECK(first.plan.history()->of("long") == 60s);
}

TEST_CASE("the schedule log has what was sent, to whom and when, and replays") {
  Plan::Files files;
  files.wants_log = true;
  PaperRun paper(naming({"a"}), files);
  paper.wait(1500ms);
  paper.ready(2);
  paper.opens("1");
  const auto entries = schedule::parse_schedule_log(paper.plan.pending_log());
  REQUIRE(entries);
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().worker == 1);
  CHECK(entries->front().at == 1500ms);

  Plan::Files replayed;
  replayed.replay = *entries;
  PaperRun again({}, replayed);
  again.ready(2);
  again.opens("0");
  CHECK_FALSE(again.sends("0 Run 1: a"));
  again.opens("1");
  CHECK(again.sends("1 Run 1: a"));
}

TEST_CASE("with several servers each end has its worker's tag, once, our own verdicts too") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready(2);
  paper.opens("1");
  paper.passes("1", "a");
  CHECK(paper.seen.tags["a"] == std::vector<std::string>{"worker-1"});
  paper.begins("1", "b");
  paper.wait(60s);
  paper.says("1", rpc::Done{"1"});
  paper.says("1", rpc::Done{"2"});
  CHECK(paper.status("b") == "fail");
  CHECK(paper.seen.tags["b"] == std::vector<std::string>{"worker-1"});
  CHECK(paper.seen.seconds["b"] == 1'000'060);  // on the wall clock, which was told at the start

  PaperRun nested(naming({"a"}));
  nested.ready(2);
  nested.opens("1");
  const std::string_view tags[] = {"worker-1"};
  nested.arrives(packet({.test_id = "a", .route_code = "1", .status = Status::kSuccess}, tags));
  CHECK(nested.seen.tags["a"] == std::vector<std::string>{"worker-1"});
}

TEST_CASE("a single server's results have no tag of ours") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.passes("", "a");
  CHECK(paper.seen.tags["a"].empty());
}

TEST_CASE(
    "a channel's command may be asking for a password until its proxy is ready, or never will be") {
  PaperRun paper({}, {}, 2);
  CHECK(paper.run->may_be_asking());
  paper.ready(1, 0);
  CHECK(paper.run->may_be_asking());
  paper.ready(1, 1);
  CHECK_FALSE(paper.run->may_be_asking());

  PaperRun ended({}, {}, 2);
  ended.ready(1, 0);
  ended.channel_ends("\"ssh\" exited with status 255", 1);
  CHECK_FALSE(ended.run->may_be_asking());

  Options direct;
  direct.direct = true;
  PaperRun server(direct);
  CHECK(server.run->may_be_asking());
  server.says("", rpc::Hello{{.max = 1, .min = 1}});
  CHECK_FALSE(server.run->may_be_asking());
}
