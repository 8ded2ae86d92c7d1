// Servers, proxies and channels that end in the middle of a run: who pays, and what runs again.

#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

constexpr const char* kKilled = "the test server was killed by SIGSEGV (11)";

/// Dies as a server does in the middle of `id`: the proxy fails the test, and says that it is gone.
void crash(PaperRun& paper, std::string_view route, std::string_view id) {
  paper.begins(route, id);
  paper.proxy_fails(route, id, std::string(kKilled) + " while this test was in progress\n");
  paper.detaches(route, kKilled);
}

/// All that is sent until the run ends: whoever is asked passes what it was asked for.
void finish(PaperRun& paper, std::string_view route) {
  for (const std::string& line : paper.sent()) {
    const std::size_t colon = line.find("Run ");
    if (colon == line.npos || !line.starts_with(std::string(route) + " Run")) continue;
    std::string rest = line.substr(line.find(": ") + 2) + " ";
    for (std::size_t space = 0; (space = rest.find(' ')) != rest.npos; rest.erase(0, space + 1))
      paper.passes(route, rest.substr(0, space));
    const std::string nonce = line.substr(colon + 4, line.find(':') - colon - 4);
    paper.says(route, rpc::Done{nonce});
  }
}

}  // namespace

TEST_CASE("a crash costs the test in progress; the others run in the server that comes next") {
  PaperRun paper(naming({"a", "b", "c"}));
  paper.ready();
  paper.opens("");
  CHECK(paper.sends("Run 1: a b c"));
  paper.passes("", "a");
  crash(paper, "", "b");
  CHECK(paper.seen.told(kKilled));
  CHECK(paper.sends("Respawn : tests are waiting for this server"));
  CHECK(paper.status("b") == "fail");
  paper.opens("");
  CHECK(paper.sends("Run 1: c"));
  paper.passes("", "c");
  paper.says("", rpc::Done{"1"});
  CHECK(paper.sends("Goodbye"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 1);
  CHECK(paper.seen.completed == true);
}

TEST_CASE("a failure that a server reports beside the tests that were requested counts") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.passes("", "a");
  paper.proxy_fails("", "process-returncode", "no test has failed, but the command has\n");
  CHECK(paper.status("process-returncode") == "fail");
  paper.says("", rpc::Done{"1"});
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("the last test's crash fails it, and nothing is started again") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.sent();
  crash(paper, "", "a");
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("a server that ends after all its results but before Done makes the run incomplete") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.passes("", "a");
  paper.detaches("", kKilled);
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(has(paper.run->problem(), "killed by SIGSEGV (11) before Done"));
}

TEST_CASE("three deaths in a row between tests end a worker, and without others the run") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready();
  for (int deaths = 0; deaths < 3; ++deaths) {
    paper.opens("");
    paper.sent();
    paper.detaches("", kKilled);
  }
  CHECK(
      paper.seen.told("died 3 times in a row with no test in progress that could be the cause; it "
                      "is not started again"));
  CHECK(paper.sent() == std::vector<std::string>{"Goodbye"});
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(has(paper.why("a"), "not run"));
}

TEST_CASE("a death that has cost a test does not count: each test can cost one") {
  PaperRun paper(naming({"a", "b", "c", "d", "e", "f", "g", "h"}));
  paper.ready();
  for (const char* test : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    paper.opens("");
    paper.sent();
    crash(paper, "", test);
  }
  CHECK_FALSE(paper.seen.told("not started again"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("deaths before a server connects count, also after one that has cost a test") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready();
  paper.opens("");
  crash(paper, "", "a");
  for (int deaths = 0; deaths < 3; ++deaths) paper.detaches("", "it did not start");
  CHECK(paper.seen.told("died 3 times in a row"));
  paper.channel_ends();
  CHECK(has(paper.why("b"), "not run"));
}

TEST_CASE("with two servers a death costs its test, and its batch goes to whoever is free") {
  PaperRun paper(naming({"a", "b", "c", "d"}));
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  const std::vector<std::string> first = paper.sent();
  const bool zero_has_a = std::ranges::any_of(
      first, [](const std::string& line) { return line.starts_with("0 Run 1: a"); });
  REQUIRE(zero_has_a);
  crash(paper, "0", "a");
  CHECK(paper.seen.workers["a"] == 0);
  CHECK(paper.seen.told("worker-0: " + std::string(kKilled)));
}

TEST_CASE("a server that never worked is not started again") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.detaches("", "the test server exited with status 7 before it connected");
  CHECK(paper.sent().empty() == false);  // Goodbye
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(has(paper.run->problem(), "status 7 before it connected"));
  CHECK(has(paper.why("a"), "not run"));
}

TEST_CASE("a proxy that refuses to start a server again has lost it, and says why") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready();
  paper.opens("");
  paper.sent();
  crash(paper, "", "a");
  CHECK(paper.sends("Respawn : tests are waiting for this server"));
  paper.says(rpc::Refused{"somebody else started it", ""});
  paper.channel_ends();
  CHECK(has(paper.run->problem(), "cannot be started again: somebody else started it"));
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("why servers have not started is told once, where it is the same of all") {
  PaperRun paper(naming({"a"}));
  paper.ready(3);
  paper.detaches("0", "cannot start \"nothing\"");
  CHECK(paper.seen.told_elsewhere == 0);
  paper.detaches("1", "cannot start \"nothing\"");
  CHECK(paper.seen.told_elsewhere == 1);
  paper.detaches("2", "cannot start \"nothing\"");
  CHECK(paper.seen.incidents.size() == 3);
  CHECK(has(paper.run->problem(), "cannot start"));
}

TEST_CASE("who fails the test in progress when the link is lost: the client, with the reason") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready();
  paper.opens("");
  paper.begins("", "a");
  paper.channel_ends("\"ssh\" exited with status 255");
  REQUIRE(paper.run->over());
  CHECK(paper.run->exit_status() == 3);
  CHECK(has(paper.run->problem(), "ssh\" exited with status 255"));
  CHECK(has(paper.why("a"), "while this test was in progress, as far as was heard\n"));
  CHECK(has(paper.why("b"), "not run: "));
}

TEST_CASE("a channel that ends before Ready says what it printed") {
  PaperRun paper(naming({"a"}));
  paper.prints("bash: subunit-proxy: command not found\n");
  paper.channel_ends("\"ssh\" exited with status 127");
  CHECK(paper.run->exit_status() == 3);
  CHECK(
      paper.run->problem() ==
      "the channel ended before the proxy sent Ready: \"ssh\" exited with status 127; the channel "
      "printed: \"bash: subunit-proxy: command not found\"");
}

TEST_CASE("a channel that ends before Ready says how far it had got") {
  PaperRun paper(naming({"a"}));
  paper.how_far = "before a shell answered";
  paper.prints("\n");  // of a proxy that has got no further
  paper.channel_ends("\"ssh board\" exited with status 255");
  CHECK(paper.run->problem() ==
        "the channel ended before a shell answered: \"ssh board\" exited with status 255; the "
        "channel printed nothing (what it writes to stderr is shown at once)");
}

TEST_CASE("a channel whose end tells all is not said to have printed nothing") {
  PaperRun paper(naming({"a"}));
  paper.how_far = "";
  paper.channel_ends("no folder takes it");
  CHECK(paper.run->problem() == "no folder takes it");
}

TEST_CASE("of two channels one may be lost: the run goes on without it") {
  PaperRun paper(naming({"a", "b"}), {}, 2);
  paper.ready(1, 0);
  paper.opens("", 0);
  paper.ready(1, 1);
  paper.opens("", 1);
  paper.sent(0);
  paper.sent(1);
  paper.begins("", "a");
  paper.channel_ends("\"ssh\" was killed by SIGKILL (9)", 0);
  CHECK(paper.status("a") == "fail");
  CHECK(paper.seen.told("lost the channel \"channel 0\"; the run goes on without it"));
  CHECK_FALSE(paper.run->over());
}

TEST_CASE("an answer that comes after our own verdict changes nothing") {
  Options options = naming({"a", "b"});
  options.test_timeout = 30s;
  PaperRun paper(options);
  paper.ready();
  paper.opens("");
  paper.begins("", "a");
  paper.wait(31s);
  paper.passes("", "a");
  CHECK(paper.status("a") == "fail");
  // The proxy has not seen that end on its way, and fails it as well.
  paper.proxy_fails("", "a", "timed out after 30 s (--test-timeout)");
  CHECK(paper.status("a") == "fail");
}

TEST_CASE("a test without a result before Done has failed, unless its fixture explains it") {
  PaperRun paper(naming({"m.A.test", "m.B.test", "m.C.test"}));
  paper.ready();
  paper.opens("");
  paper.reports("", "setUpClass (m.A)", Status::kSkip);
  paper.begins("", "m.C.test");
  paper.says("", rpc::Done{"1"});
  CHECK(paper.status("m.A.test") == "skip");
  CHECK(paper.status("m.B.test") == "fail");
  CHECK(has(paper.why("m.B.test"), "has not reported how it ended"));
  CHECK(has(paper.why("m.C.test"), "still in progress"));
}

TEST_CASE("a server that cannot run a test says why, and the test has failed with that") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("");
  paper.says("", rpc::ErrorMessage{"1", "no such test"});
  CHECK(has(paper.why("a"), "the test server could not run this test: no such test"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("--isolated: each test gets a server of its own") {
  Options options = naming({"a", "b"});
  options.isolated = true;
  PaperRun paper(options);
  paper.ready(2);
  paper.opens("0");
  CHECK(paper.sends("0 Run 1: a"));
  paper.passes("0", "a");
  paper.says("0", rpc::Done{"1"});
  CHECK(paper.sent() ==
        std::vector<std::string>{"0 Goodbye",
                                 "Respawn 0: each test gets a server of its own (--isolated)"});
  paper.detaches("0", "goodbye");
  CHECK_FALSE(paper.seen.told("goodbye"));  // it is nobody's fault
  paper.opens("0");
  CHECK(paper.sends("0 Run 1: b"));
}

TEST_CASE("--isolated: a proxy that refuses to start a server again says why") {
  Options options = naming({"a", "b"});
  options.isolated = true;
  PaperRun paper(options);
  paper.ready();
  paper.opens("");
  paper.passes("", "a");
  paper.says("", rpc::Done{"1"});
  paper.says(rpc::Refused{"somebody else started it", ""});
  CHECK(paper.run->problem() ==
        "each test gets a server of its own (--isolated); the test server cannot be started again: "
        "somebody else started it");
}

TEST_CASE("a server that breaks the protocol is lost, and others do its work") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  paper.says("0", rpc::Done{"no such nonce"});
  CHECK(paper.seen.told(
      "worker-0: the server sent Done with a nonce for which nothing is outstanding"));
  finish(paper, "1");
  finish(paper, "1");
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("results before Hello come from a command that simply runs its tests") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.attaches("");
  paper.passes("", "a");
  CHECK(has(paper.run->problem(), "test results came before any answer to Hello (first: \"a\")"));
}

TEST_CASE("what was taken for a server and says Ready is a proxy with servers of its own") {
  PaperRun paper(naming({"a"}));
  paper.ready(1);
  paper.attaches("0");
  CHECK(paper.sends("0 Hello"));
  paper.says(
      rpc::Ready{
          .proxy = "inner", .versions = {.max = 2, .min = 1}, .listening = {}, .expected = 2},
      0, "0");
  paper.says(rpc::Attached{"1", "inner server", {}}, 0, "0");
  CHECK(paper.sent() == std::vector<std::string>{"0 Watch"});  // it has passed our Hello on
  paper.says("0/1", rpc::Hello{{.max = 2, .min = 1}});
  CHECK(paper.sends("0/1 Run 1: a"));
  paper.passes("0/1", "a");
  CHECK(paper.status("a") == "success");
}

TEST_CASE("a proxy behind the proxy that ends takes the servers with it that were still to come") {
  PaperRun paper(naming({"a"}));
  paper.ready(1);
  paper.attaches("0");
  paper.says(
      rpc::Ready{
          .proxy = "inner", .versions = {.max = 2, .min = 1}, .listening = {}, .expected = 2},
      0, "0");
  CHECK_FALSE(paper.sends("Goodbye"));
  paper.detaches("0", "the test server was killed by SIGKILL (9)");
  CHECK(paper.sends("Goodbye"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(has(paper.run->problem(), "killed by SIGKILL"));
}
