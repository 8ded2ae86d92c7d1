// Everything that takes too long in a run, on virtual time.

#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

/// With two tests "a" and "b" named, and given to the only server, which has begun "a".
PaperRun busy(Options options) {
  options.tests = {"a", "b"};
  PaperRun paper(options);
  paper.ready();
  paper.opens("");
  CHECK(paper.sends("Run 1: a b"));
  paper.begins("", "a");
  return paper;
}

/// The client has asked for another server.
bool replaces(PaperRun& paper) {
  return std::ranges::any_of(paper.sent(),
                             [](const std::string& line) { return line.starts_with("Respawn"); });
}

}  // namespace

TEST_CASE("--ready-timeout: a proxy that does not say Ready ends the run, with what came instead") {
  Options options = naming({"a"});
  options.ready_timeout = 5s;
  PaperRun paper(options);
  paper.prints("Welcome to board\n");
  paper.wait(4999ms);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1ms);
  CHECK(paper.remote(0).hang_up() == 6s);
  CHECK(has(paper.remote(0).problem(), "waited 5 s (--ready-timeout) for the proxy to send Ready"));
  CHECK(has(paper.remote(0).problem(), "Welcome to board"));
  paper.channel_ends();
  REQUIRE(paper.run->over());
  CHECK(paper.run->exit_status() == 3);
  CHECK(paper.status("a") == "fail");
  CHECK(has(paper.why("a"), "not run: waited 5 s"));
}

TEST_CASE(
    "--ready-timeout: it begins again whenever something of the proxy has been brought there") {
  Options options = naming({"a"});
  options.ready_timeout = 5s;
  PaperRun paper(options);
  for (int piece = 0; piece < 3; ++piece) {
    paper.wait(4s);
    paper.remote(0).preparing(paper.now);
  }
  paper.wait(4999ms);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1ms);
  CHECK(paper.remote(0).hang_up());
}

TEST_CASE("--attach-timeout: a proxy without a server ends the run") {
  Options options = naming({"a"});
  options.attach_timeout = 7s;
  PaperRun paper(options);
  paper.ready();
  paper.wait(6999ms);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1ms);
  CHECK(paper.remote(0).hang_up());
  CHECK(has(paper.run->problem(), "subunit-proxy/0 (1a) is ready"));
  CHECK(has(paper.run->problem(), "no test server has connected to it within 7 s"));
}

TEST_CASE(
    "--attach-timeout: it begins again with a proxy behind the proxy, and counts for its servers") {
  Options options = naming({"a"});
  options.attach_timeout = 7s;
  PaperRun paper(options);
  paper.ready();
  paper.attaches("0");
  paper.wait(6s);
  paper.says(
      rpc::Ready{
          .proxy = "inner", .versions = {.max = 2, .min = 1}, .listening = {}, .expected = 2},
      0, "0");
  paper.wait(6999ms);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1ms);
  CHECK(paper.remote(0).hang_up());
  CHECK(has(paper.run->problem(), "no test server has connected to it within 7 s"));
}

TEST_CASE("--hello-timeout: a server that does not answer ends the run if it is the only one") {
  Options options = naming({"a"});
  options.hello_timeout = 3s;
  PaperRun paper(options);
  paper.ready();
  paper.attaches("");
  CHECK(paper.sends("Hello"));
  paper.wait(2999ms);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1ms);
  CHECK(paper.remote(0).hang_up());
  CHECK(has(paper.run->problem(), "a server is connected, but has not answered Hello within 3 s"));
}

TEST_CASE("--hello-timeout: of several servers, one that never answers is lost, and that is all") {
  PaperRun paper(naming({"a"}));
  paper.ready(2);
  paper.attaches("0");
  paper.opens("1");
  paper.wait(10s);
  CHECK(
      paper.seen.told("worker-0: the test server at a server is connected, but has not answered"));
  CHECK_FALSE(paper.sends("Respawn 0"));
  CHECK(paper.sent().empty());
  paper.begins("1", "a");
  paper.passes("1", "a");
  paper.says("1", rpc::Done{"1"});
  CHECK(paper.sends("Goodbye"));
}

TEST_CASE("--hello-timeout: a server that has been started again gets two more tries") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  paper.detaches("0", "the test server was killed by SIGKILL (9)");
  paper.attaches("0");
  paper.wait(10s);
  CHECK(paper.sends(
      "Respawn 0: the test server at a server is connected, but has not answered "
      "Hello within 10 s (--hello-timeout): it may be stuck, or may not know the protocol"));
  paper.detaches("0", "asked to end");
  paper.attaches("0");
  paper.wait(10s);
  CHECK(paper.seen.told("has not answered Hello"));
  for (const std::string& line : paper.sent()) CHECK_FALSE(line.starts_with("Respawn"));
}

TEST_CASE("--test-timeout: a test that takes longer has failed, and its server is replaced") {
  Options options;
  options.test_timeout = 30s;
  PaperRun paper = busy(options);
  paper.wait(29s);
  CHECK(paper.sent().empty());
  paper.wait(1500ms);
  CHECK(paper.sends("Respawn : timed out after 30 s (--test-timeout)"));
  CHECK(paper.seen.told("timed out after 30 s (--test-timeout): \"a\""));
  CHECK(paper.status("a").empty());  // how it ended is for the proxy to say
  paper.proxy_fails("", "a", "timed out after 30 s (--test-timeout): killed by SIGKILL");
  CHECK(paper.status("a") == "fail");
  paper.detaches("", "the test server was killed by SIGKILL (9)");
  paper.opens("");
  CHECK(paper.sends("Run 1: b"));
  paper.passes("", "b");
  paper.says("", rpc::Done{"1"});
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("--test-timeout: it is counted for each test by itself") {
  Options options;
  options.test_timeout = 30s;
  PaperRun paper = busy(options);
  paper.wait(20s);
  paper.passes("", "a");
  paper.begins("", "b");
  paper.wait(20s);
  CHECK(paper.sent().empty());
  paper.wait(11s);
  CHECK(paper.sends("Respawn : timed out after 30 s (--test-timeout)"));
}

TEST_CASE("--test-timeout: a test that passes when it is told to end has timed out all the same") {
  Options options;
  options.test_timeout = 30s;
  PaperRun paper = busy(options);
  paper.wait(31s);
  paper.passes("", "a");
  CHECK(paper.status("a") == "fail");
  CHECK(paper.why("a") == "timed out after 30 s (--test-timeout)\n");
}

TEST_CASE("--test-timeout: of two tests in one server the one that was only near runs again") {
  Options options;
  options.test_timeout = 30s;
  PaperRun paper = busy(options);
  paper.wait(10s);
  paper.begins("", "b");
  paper.wait(21s);
  paper.proxy_fails("", "a", "timed out after 30 s (--test-timeout)");
  paper.proxy_fails("", "b", "timed out after 30 s (--test-timeout)");
  CHECK(paper.status("a") == "fail");
  CHECK(paper.status("b").empty());
  paper.sent();
  paper.detaches("", "asked to end");
  paper.opens("");
  CHECK(paper.sends("Run 1: b"));
}

TEST_CASE("--test-timeout: without a proxy that can replace the server, the run ends") {
  Options options = naming({"a", "b"});
  options.test_timeout = 30s;
  options.direct = true;
  PaperRun paper(options);
  paper.says("", rpc::Hello{{.max = 1, .min = 1}});
  paper.begins("", "a");
  paper.wait(31s, false);
  CHECK(paper.status("a") == "fail");
  CHECK(has(paper.why("a"), "timed out after 30 s"));
  CHECK(paper.remote(0).hang_up());
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(has(paper.why("b"), "not run"));
}

TEST_CASE("a proxy that does not replace a server within 20 s has lost it") {
  Options options;
  options.test_timeout = 30s;
  PaperRun paper = busy(options);
  paper.wait(31s);
  CHECK(paper.sends("Respawn : timed out after 30 s (--test-timeout)"));
  paper.wait(18s);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(3s);
  CHECK(paper.seen.told("the proxy did not replace the test server within 20 s"));
  CHECK(has(paper.why("a"), "timed out after 30 s"));
  CHECK(paper.remote(0).hang_up());
}

TEST_CASE("--slow names a test once, while it runs, with what its server does") {
  Options options;
  options.slow = 2s;
  PaperRun paper = busy(options);
  paper.alive("", 0s);
  paper.wait(1s);
  paper.alive("", 500ms);
  CHECK(paper.seen.incidents.size() == 1);  // that it is there
  paper.wait(1500ms);
  CHECK(paper.seen.told("worker-0:a has been running for 2 s; the server was using 50 % of a CPU"));
  paper.wait(60s);
  CHECK_FALSE(paper.seen.told("has been running"));
  CHECK(paper.status("a").empty());
}

TEST_CASE("a server that is stuck between tests is asked whether it lives, and then named") {
  PaperRun paper = busy({});
  paper.passes("", "a");
  paper.alive("", 0s);
  paper.wait(4s);
  CHECK_FALSE(paper.sends("Ping"));
  paper.alive("", 0s);
  paper.wait(2s);
  CHECK(paper.sends("Ping"));
  paper.wait(5s);
  CHECK(paper.seen.told(
      "worker-0: the test server is stuck between tests: it has tests to run, but none has been in "
      "progress for 10 s; the server was using no CPU; it does not answer "
      "Ping"));
  paper.wait(600s);  // nobody has set a limit
  CHECK_FALSE(paper.seen.told("stuck"));
  CHECK(paper.status("b").empty());
}

TEST_CASE(
    "with --test-timeout a server that is stuck between tests is replaced, and nothing fails") {
  Options options;
  options.test_timeout = 3s;
  PaperRun paper = busy(options);
  paper.passes("", "a");
  paper.wait(9s);
  CHECK_FALSE(paper.seen.told("stuck"));
  paper.wait(1500ms);
  CHECK(paper.seen.told("stuck between tests"));
  paper.sent();
  paper.detaches("", "asked to end");
  paper.opens("");
  CHECK(paper.sends("Run 1: b"));
  paper.passes("", "b");
  paper.says("", rpc::Done{"1"});
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("with --test-timeout a server has --list-timeout to load its tests") {
  Options options;
  options.test_timeout = 3s;
  options.list_timeout = 40s;
  SUBCASE("to list them") {
    PaperRun paper(options);
    paper.ready();
    paper.opens("");
    paper.sent();
    paper.wait(39s);
    CHECK(paper.seen.told("is loading its tests, or is stuck: it has not answered List for 10 s"));
    CHECK_FALSE(replaces(paper));
    paper.reports("", "a", Status::kExists);
    paper.says("", rpc::Done{"1"});
    paper.sent();
    paper.wait(11s);
    CHECK(replaces(paper));
  }
  SUBCASE("to begin the first one") {
    options.tests = {"a", "b"};
    PaperRun paper(options);
    paper.ready();
    paper.opens("");
    paper.sent();
    paper.wait(39s);
    CHECK(paper.seen.told("is loading its tests, or is stuck: it has tests to run"));
    CHECK_FALSE(replaces(paper));
    paper.wait(2s);
    CHECK(replaces(paper));
  }
}

TEST_CASE("a server that is stuck between tests again and again is given up") {
  Options options;
  options.test_timeout = 3s;
  PaperRun paper = busy(options);
  paper.passes("", "a");
  paper.wait(11s);
  for (int server = 1; server < Worker::kMaxDeaths; ++server) {
    CHECK(replaces(paper));
    paper.detaches("", "asked to end");
    paper.opens("");
    paper.wait(options.list_timeout + 1s);
  }
  CHECK_FALSE(replaces(paper));
  CHECK(has(paper.run->problem(), "3 times in a row"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(paper.status("a") == "success");
  CHECK(has(paper.why("b"), "not run"));
}

TEST_CASE("a server that never answers List is named as stuck") {
  PaperRun paper;
  paper.ready();
  paper.opens("");
  CHECK(paper.sends("List 1"));
  paper.wait(11s);
  CHECK(paper.seen.told("it has not answered List for 10 s"));
}

TEST_CASE("a link over which not even Alive comes is doubted after 10 s and lost after 45 s") {
  PaperRun paper = busy({});
  paper.wait(9999ms, false);
  CHECK_FALSE(paper.seen.told("may be lost"));
  paper.wait(1ms, false);
  CHECK(paper.seen.told("nothing has come over the channel \"channel 0\" for 10 s"));
  paper.wait(34999ms, false);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1ms, false);
  CHECK(paper.remote(0).hang_up() == 6s);
  CHECK(has(paper.run->problem(), "the link is lost: nothing has come from the proxy for 45 s"));
  CHECK(has(paper.why("a"), "the link is lost"));
  CHECK(has(paper.why("a"), "while this test was in progress"));
  paper.channel_ends();
  CHECK(has(paper.why("b"), "not run: the link is lost"));
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("silence counts for nothing while the outputs are full") {
  Options options;
  options.test_timeout = 30s;
  PaperRun paper = busy(options);
  paper.wait(29s);
  paper.run->set_flow(false, paper.now);
  paper.wait(3600s, false);
  paper.run->set_flow(true, paper.now);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(500ms);
  CHECK_FALSE(paper.seen.told("may be lost"));
  CHECK_FALSE(paper.seen.told("timed out"));
  paper.wait(2s);
  CHECK(paper.seen.told("timed out"));
}

TEST_CASE("a proxy hears from a run at least every 20 s, however long a test takes") {
  PaperRun paper = busy({});
  paper.sent();
  for (int i = 0; i < 10; ++i) {
    paper.wait(20500ms);
    paper.watches = 0;
    CHECK(paper.sent().empty());
    CHECK(paper.watches == 1);
  }
}

TEST_CASE("a channel that does not end within 10 s after Goodbye is hung up, with a warning") {
  PaperRun paper = busy({});
  paper.passes("", "a");
  paper.passes("", "b");
  paper.says("", rpc::Done{"1"});
  CHECK(paper.sends("Goodbye"));
  CHECK(paper.remote(0).finished());
  paper.wait(9999ms, false);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(1ms, false);
  CHECK(paper.remote(0).hang_up() == 6s);
  paper.channel_ends();
  REQUIRE(paper.run->over());
  CHECK(
      paper.seen.told("the channel \"channel 0\" did not end after Goodbye; all results had come "
                      "before that"));
  CHECK(paper.run->exit_status() == 0);
}

TEST_CASE("while nothing is read the end of a channel is not waited for") {
  PaperRun paper = busy({});
  paper.passes("", "a");
  paper.passes("", "b");
  paper.says("", rpc::Done{"1"});
  paper.run->set_flow(false, paper.now);
  paper.wait(600s, false);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.run->set_flow(true, paper.now);
  paper.wait(5s, false);
  CHECK_FALSE(paper.remote(0).hang_up());
  paper.wait(2s, false);
  CHECK(paper.remote(0).hang_up());
}

TEST_CASE("a schedule that names a server that is not there is waited for, said so, and given up") {
  Plan::Files files;
  files.replay = {{.at = 0s, .worker = 0, .tests = {"a"}}, {.at = 0s, .worker = 5, .tests = {"b"}}};
  Options options;
  options.attach_timeout = 60s;
  PaperRun paper(options, files);
  paper.ready();
  paper.opens("0");
  CHECK(paper.sends("0 Run 1: a"));
  paper.passes("0", "a");
  paper.says("0", rpc::Done{"1"});
  paper.wait(2s);
  CHECK(paper.seen.told("1 tests are waiting for worker-5, which is not attached yet"));
  paper.wait(57s);
  CHECK_FALSE(paper.sends("Goodbye"));
  paper.wait(3s);
  CHECK(paper.sends("Goodbye"));
  CHECK(has(paper.run->problem(), "--replay needs as many workers as the schedule names"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
  CHECK(paper.status("b") == "fail");
}

// Every wait for the other side has an end, whatever it says meanwhile.

TEST_CASE("servers that were announced and do not come are waited for until --attach-timeout") {
  PaperRun paper(naming({"a"}));
  paper.ready(2);
  paper.detaches("0", "it did not start");
  paper.wait(59s);
  CHECK_FALSE(paper.remote(0).leaving());
  paper.wait(1s);
  CHECK(paper.seen.told("a test server that was announced has not connected within 60 s"));
  CHECK(paper.remote(0).leaving());
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("a server that comes after --attach-timeout gets tests as long as there are any") {
  PaperRun paper(naming({"a", "b", "c", "d"}));
  paper.ready(2);
  paper.opens("0");
  paper.sent();
  paper.wait(61s);
  paper.opens("1");
  CHECK_FALSE(paper.remote(0).leaving());
  CHECK(paper.remote(0).workers().size() == 2);
}

TEST_CASE("to say again that a server is attached gives it no more time to answer") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  for (int seconds = 0; seconds < 10; seconds += 5) {
    paper.attaches("");
    paper.wait(5s);
  }
  CHECK(has(paper.run->problem(), "has not answered Hello within 10 s"));
}

TEST_CASE("one silent server after the other is one silence") {
  PaperRun paper(naming({"a"}));
  paper.ready(1);
  for (int route = 0; route < 14 && !paper.remote(0).leaving(); ++route) {
    paper.attaches(std::to_string(route));
    paper.wait(5s);
  }
  CHECK(has(paper.run->problem(), "no test server has answered Hello within 70 s"));
}

TEST_CASE("a proxy that names servers without end is not believed") {
  PaperRun paper(naming({"a"}));
  paper.ready();
  paper.opens("0");
  for (std::size_t route = 1; route <= RouteTable::kMaxWorkers; ++route)
    paper.attaches(std::to_string(route));
  CHECK(has(paper.run->problem(), "names more than 1024 test servers"));
}

TEST_CASE("a server that does not list its tests is not waited for, one that lists slowly is") {
  PaperRun paper;
  paper.ready();
  paper.opens("");
  paper.sent();
  for (int minutes = 0; minutes < 3; ++minutes) {
    paper.wait(59s);
    paper.reports("", std::to_string(minutes), Status::kExists);
  }
  CHECK_FALSE(paper.remote(0).leaving());
  paper.wait(61s);
  CHECK(has(paper.run->problem(),
            "has not listed its tests: nothing has come from it for 60 s "
            "(--list-timeout)"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("a server that was to be started again and does not come is given up") {
  PaperRun paper(naming({"a", "b"}));
  paper.ready();
  paper.opens("");
  paper.sent();
  paper.begins("", "a");
  paper.detaches("", "the test server was killed by SIGSEGV (11)");
  CHECK(paper.sends("Respawn : tests are waiting for this server"));
  paper.wait(71s);
  CHECK(paper.remote(0).leaving());
  CHECK(has(paper.run->problem(), "was asked to start the test server again, and it has not"));
}

TEST_CASE("while nothing comes over the channel no test times out, and that time does not count") {
  Options options = naming({"a", "b"});
  options.test_timeout = 5s;
  PaperRun paper(options);
  paper.ready();
  paper.opens("");
  paper.begins("", "a");
  paper.wait(3s);
  paper.wait(30s, false);  // ssh is stopped, or the proxy
  paper.passes("", "a");
  CHECK(paper.status("a") == "success");
  paper.begins("", "b");
  paper.wait(2s);
  paper.wait(30s, false);
  paper.wait(2s);
  CHECK(paper.status("b").empty());
  CHECK_FALSE(paper.seen.told("timed out"));
  paper.wait(4s);
  CHECK(paper.seen.told("timed out after 5 s"));
}
