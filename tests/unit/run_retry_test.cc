// Tests that have failed and run again (--retries).

#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

Options retrying(int retries, std::vector<std::string> tests) {
  Options options = naming(std::move(tests));
  options.retries = retries;
  return options;
}

/// What the observers are told of attempts: "a 1 fail worker-0 2s".
class Attempts : public Observer {
 public:
  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<WorkerNumber>, Time) override {
    if (packet.file) names.emplace_back(packet.file->name);
  }
  void happened(const Incident&, Time) override {}
  void attempted(const Attempt& attempt) override {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(attempt.ended - attempt.began);
    lines.push_back(std::string(attempt.test_id) + " " + std::to_string(attempt.number) + " " +
                    std::string(name_of(attempt.status)) + " worker-" +
                    std::to_string(*attempt.worker) + " " + std::to_string(seconds.count()) + "s");
  }
  void flush() override {}
  void finish(bool, Time) override {}

  Lines lines;
  Lines names;  // of attachments
};

bool has_tag(PaperRun& paper, const std::string& id, std::string_view tag) {
  return std::ranges::find(paper.seen.tags[id], tag) != paper.seen.tags[id].end();
}

void fails(PaperRun& paper, std::string_view route, std::string_view id, const char* nonce) {
  paper.begins(route, id);
  paper.reports(route, id, Status::kFail, File{"traceback", as_bytes("because")});
  paper.says(route, rpc::Done{nonce});
}

}  // namespace

TEST_CASE("a test that failed runs again on another server, when that has nothing else to do") {
  PaperRun paper(retrying(2, {"a", "b", "c"}));
  Attempts attempts;
  paper.run->add_observer(attempts);
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  CHECK(paper.sent() == Lines{"0 Hello", "1 Hello", "0 Run 1: a b", "1 Run 1: c"});
  paper.begins("0", "a");
  paper.begins("1", "c");
  paper.wait(2s);
  paper.reports("0", "a", Status::kFail, File{"traceback", as_bytes("because")});
  CHECK(paper.sent().empty());       // worker-1 is busy
  CHECK(paper.status("a").empty());  // no verdict yet
  paper.passes("1", "c");
  paper.says("1", rpc::Done{"1"});
  CHECK(paper.sent() == Lines{"1 Run 2: a"});
  paper.begins("1", "a");
  paper.reports("1", "a", Status::kSuccess, File{"stdout", as_bytes("hello")});
  paper.says("1", rpc::Done{"2"});
  CHECK(paper.sent().empty());
  paper.passes("0", "b");
  paper.says("0", rpc::Done{"1"});
  CHECK(paper.sent() == Lines{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.status("a") == "success");
  CHECK(has_tag(paper, "a", "flaky"));
  CHECK(attempts.lines == Lines{"a 1 fail worker-0 2s"});
  CHECK(attempts.names == Lines{"traceback", "attempts", "attempt-2/stdout"});
  CHECK(has(paper.why("a"),
            "attempt 1: failed on worker-0\nattempt 2: passed on worker-1\n"
            "It passed only on another server.\n"));
  CHECK(paper.run->tally().flaky == 1);
  CHECK(paper.run->exit_status() == 0);
  paper.options.flaky_fails = true;
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("where there is no other server a new one is started for it") {
  PaperRun paper(retrying(1, {"a"}));
  paper.ready();
  paper.opens("");
  paper.sent();
  fails(paper, "", "a", "1");
  CHECK(paper.sent() == Lines{"Respawn : a test that has failed runs again in a new server"});
  paper.detaches("", "the test server has exited");
  paper.opens("");
  CHECK(paper.sends("Run 1: a"));
  paper.begins("", "a");
  paper.passes("", "a");
  paper.says("", rpc::Done{"1"});
  paper.channel_ends();
  CHECK(has(paper.why("a"),
            "attempt 2: passed on worker-0, in a new server\n"
            "It passed only in a server that had run nothing before.\n"));
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("a server that was announced and has not come yet is another one") {
  PaperRun paper(retrying(1, {"a"}));
  paper.ready(2);
  paper.opens("0");
  paper.sent();
  fails(paper, "0", "a", "1");
  CHECK(paper.sent().empty());
  paper.opens("1");
  CHECK(paper.sends("1 Run 1: a"));
}

TEST_CASE("what fails in every attempt has failed once") {
  PaperRun paper(retrying(2, {"a"}));
  Attempts attempts;
  paper.run->add_observer(attempts);
  paper.ready();
  paper.opens("", 0, 1);
  paper.sent();
  fails(paper, "", "a", "1");
  for (int i = 0; i < 2; ++i) {
    CHECK(paper.sends("Respawn : a test that has failed runs again in a new server"));
    paper.detaches("", "the test server has exited");
    paper.opens("");
    paper.sent();
    fails(paper, "", "a", "1");
  }
  paper.channel_ends();
  CHECK(paper.status("a") == "fail");
  CHECK(attempts.lines.size() == 2);
  CHECK(attempts.names ==
        Lines{"traceback", "attempt-2/traceback", "attempts", "attempt-3/traceback"});
  CHECK(paper.run->tally().flaky == 0);
  CHECK(paper.run->ledger().failures() == 1);
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("a server that cannot be started again runs it itself") {
  Options options = retrying(1, {"a"});
  options.direct = true;
  PaperRun paper(options);
  paper.says("", rpc::Hello{{.max = 2, .min = 1}});
  CHECK(paper.sends("Run 1: a"));
  fails(paper, "", "a", "1");
  CHECK(paper.sends("Run 2: a"));
}

TEST_CASE("a server that the proxy cannot start again stays, and runs it itself") {
  for (const char* route : {"", "0"}) {
    PaperRun paper(retrying(2, {"a"}));
    paper.ready();
    paper.opens(route);
    paper.sent();
    fails(paper, route, "a", "1");
    const std::string name = route;
    CHECK(paper.sends("Respawn " + name + ": a test that has failed runs again in a new server"));
    paper.says(rpc::Refused{.text = "the proxy did not start it", .respawn = name});
    const std::string to = name.empty() ? "" : name + " ";
    CHECK(paper.sends(to + "Run 2: a"));
    fails(paper, route, "a", "2");
    CHECK(paper.sends(to + "Run 3: a"));  // it is not asked for again
    paper.begins(route, "a");
    paper.passes(route, "a");
    paper.says(route, rpc::Done{"3"});
    paper.channel_ends();
    CHECK(has(paper.why("a"), "attempt 3: passed on worker-0\n"));
    CHECK_FALSE(has(paper.why("a"), "in a new server"));
    CHECK(paper.run->exit_status() == 0);
  }
}

TEST_CASE("what fails after an interrupt has failed, and is not to run again") {
  PaperRun paper(retrying(1, {"a"}));
  Attempts attempts;
  paper.run->add_observer(attempts);
  paper.ready();
  paper.opens("");
  paper.begins("", "a");
  paper.run->interrupt(paper.now);
  paper.reports("", "a", Status::kFail, File{"reason", as_bytes("cancelled")});
  paper.says("", rpc::Done{"1"});
  paper.channel_ends();
  CHECK(attempts.lines.empty());
  CHECK(paper.why("a") == "cancelled");
}

TEST_CASE("a test that kills its server, and one that times out, run again, too") {
  Options options = retrying(1, {"a", "c", "b"});
  options.test_timeout = 5s;
  PaperRun paper(options);
  Attempts attempts;
  paper.run->add_observer(attempts);
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  CHECK(paper.sent() == Lines{"0 Hello", "1 Hello", "0 Run 1: a c", "1 Run 1: b"});
  paper.begins("1", "b");
  paper.wait(6s);
  paper.proxy_fails("1", "b", "timed out after 5 s (--test-timeout)");
  CHECK(attempts.lines == Lines{"b 1 fail worker-1 6s"});
  paper.detaches("1", "timed out after 5 s");
  paper.begins("0", "a");
  paper.passes("0", "c");
  paper.proxy_fails("0", "a", "killed by SIGSEGV");
  paper.detaches("0", "killed by SIGSEGV");
  CHECK(attempts.lines == Lines{"b 1 fail worker-1 6s", "a 1 fail worker-0 0s"});
  paper.sent();
  paper.opens("0");
  CHECK(paper.sends("0 Run 1: b"));
  paper.opens("1");
  CHECK(paper.sends("1 Run 1: a"));
  paper.begins("0", "b");
  paper.passes("0", "b");
  paper.says("0", rpc::Done{"1"});
  paper.begins("1", "a");
  paper.proxy_fails("1", "a", "killed by SIGSEGV");
  paper.detaches("1", "killed by SIGSEGV");
  CHECK(paper.sends("Goodbye"));
  paper.channel_ends();
  CHECK(paper.status("a") == "fail");
  CHECK(has_tag(paper, "a", "crashed"));
  CHECK(has(paper.why("a"),
            "attempt 1: crashed on worker-0\nattempt 2: crashed on worker-1, in a new server\n"));
  CHECK(has_tag(paper, "b", "flaky"));
  CHECK(has(paper.why("b"), "attempt 1: timed out on worker-1\n"));
}

TEST_CASE("a channel that is lost is not hidden by an attempt elsewhere") {
  PaperRun paper(retrying(3, {"a", "b"}), {}, 2);
  paper.ready(1, 0);
  paper.ready(1, 1);
  paper.opens("", 0);
  paper.opens("", 1);
  paper.reports("", "a", Status::kInProgress, {}, 0);
  paper.channel_ends("\"ssh\" exited with status 255", 0);
  CHECK(paper.status("a") == "fail");
  CHECK(has_tag(paper, "a", "crashed"));
}

TEST_CASE("an attempt that a dying server did not come to is made elsewhere") {
  PaperRun paper(retrying(1, {"a", "b"}));
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  paper.sent();
  paper.passes("0", "b");
  fails(paper, "0", "a", "1");
  CHECK(paper.sent() == Lines{"1 Run 1: a"});
  paper.detaches("1", "killed by SIGKILL");
  CHECK(paper.sends("Respawn 0: a test that has failed runs again in a new server"));
  paper.detaches("0", "the test server has exited");
  paper.opens("0");
  paper.opens("1");  // it was started again meanwhile
  CHECK(paper.sends("1 Run 1: a"));
}

TEST_CASE("what waits for another attempt has failed when the run ends before it") {
  for (const bool interrupted : {false, true}) {
    Options options = retrying(1, {"a", "b"});
    options.max_fail = 1;
    PaperRun paper(options);
    paper.ready(2);
    paper.opens("0");
    paper.opens("1");
    paper.sent();
    fails(paper, "0", "a", "1");  // waits for worker-1
    paper.begins("1", "b");
    if (interrupted) {
      paper.run->interrupt(paper.now);
      paper.says("1", rpc::Done{"1"});
      paper.channel_ends();
      CHECK(has(paper.why("a"), "failed on worker-0, and did not run again: interrupted\n"));
      CHECK(paper.run->exit_status() == 3);
    } else {
      // Those of a fixture are final.
      paper.reports("1", "setUpClass (m.C)", Status::kFail);
      paper.passes("1", "b");
      paper.says("1", rpc::Done{"1"});
      paper.channel_ends();
      CHECK(has(paper.why("a"),
                "failed on worker-0, and did not run again: 1 test has failed (--max-fail 1)\n"));
      CHECK(paper.run->exit_status() == 1);
    }
    CHECK(paper.status("a") == "fail");
  }
}

TEST_CASE("a second end of an attempt that is over does not count") {
  PaperRun paper(retrying(1, {"a", "b"}));
  paper.ready();
  paper.opens("");
  paper.sent();
  paper.begins("", "a");
  paper.reports("", "a", Status::kFail);
  paper.passes("", "a");
  CHECK(paper.status("a").empty());
}
