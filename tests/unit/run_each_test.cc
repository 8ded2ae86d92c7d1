// A run that has each test in several places (--each, --stress).

#include <tuple>

#include "common/report/ci/junit.h"
#include "common/report/human_report.h"
#include "common/report/trace.h"
#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

/// How tests have ended, a line each: "1 a success channel-1 worker-3", with the route code.
class Ends : public Observer {
 public:
  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<WorkerNumber>, Time) override {
    const Packet written = *parse_packet(packet.raw);
    CHECK(written.route_code == packet.route_code);
    if (!is_final(written.status)) return;
    std::string line = fmt::format("{} {} {}", written.route_code.value_or("-"), *written.test_id,
                                   name_of(written.status));
    for (const std::string_view tag : written.tags) line += fmt::format(" {}", tag);
    lines.push_back(line);
  }
  void happened(const Incident&, Time) override {}
  void flush() override {}
  void finish(bool, Time) override {}

  bool has(std::string_view line) const { return std::ranges::find(lines, line) != lines.end(); }

  std::vector<std::string> lines;
};

class SpreadRun : public PaperRun {
 public:
  explicit SpreadRun(Options run_options, std::size_t channels = 1, Plan::Files files = {})
      : PaperRun(std::move(run_options), std::move(files), channels) {
    seen.repeats = true;
    run->add_observer(ends);
  }

  void begins_at(std::size_t channel, std::string_view route, std::string_view id) {
    reports(route, id, Status::kInProgress, {}, channel);
  }
  void ends_at(std::size_t channel, std::string_view route, std::string_view id,
               Status status = Status::kSuccess) {
    reports(route, id, status, {}, channel);
  }
  void done_at(std::size_t channel, std::string_view route, const std::string& nonce) {
    says(route, rpc::Done{nonce}, channel);
  }

  Ends ends;
};

Options on_each(std::vector<std::string> tests) {
  Options options = naming(std::move(tests));
  options.spread = Spread::kEachChannel;
  return options;
}

Options stress(std::vector<std::string> tests) {
  Options options = naming(std::move(tests));
  options.spread = Spread::kEachWorker;
  options.repeat = 0;
  options.until_failure = true;
  return options;
}

}  // namespace

TEST_CASE("--each: every channel has every test, with its tag and a route code of its own") {
  SpreadRun paper(on_each({"a", "b"}), 2);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
  }
  CHECK(paper.sends("Run 1: a b", 0));
  CHECK(paper.sends("Run 1: a b", 1));
  // At the same time, and they do not end together.
  paper.begins_at(0, "", "a");
  paper.begins_at(1, "", "a");
  paper.ends_at(1, "", "a", Status::kFail);
  CHECK(paper.run->running().is_running("a", 0));
  paper.ends_at(0, "", "a");
  for (const std::size_t channel : {0, 1}) {
    paper.begins_at(channel, "", "b");
    paper.ends_at(channel, "", "b");
    paper.done_at(channel, "", "1");
  }
  for (const std::size_t channel : {0, 1}) {
    CHECK(paper.sends("Goodbye", channel));
    paper.channel_ends("\"ssh\" exited with status 0", channel);
  }
  CHECK(paper.ends.lines.size() == 4);
  CHECK(paper.ends.has("0 a success worker-0 channel-0"));
  CHECK(paper.ends.has("1 a fail worker-1 channel-1"));
  CHECK(paper.ends.has("1 b success worker-1 channel-1"));
  CHECK(paper.seen.expected == 4);
  CHECK(paper.run->ledger().repeated().empty());
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("--each: the servers of a channel share its tests, and take none of another channel") {
  Options options;
  options.spread = Spread::kEachChannel;
  SpreadRun paper(options, 2);
  paper.ready(2, 0);
  paper.opens("0", 0);
  paper.opens("1", 0);
  paper.ready(1, 1);
  for (const char* id : {"a", "b"}) paper.reports("0", id, Status::kExists);
  paper.says("0", rpc::Done{"1"});
  auto sent = paper.sent(0);
  CHECK(std::ranges::find(sent, "0 Run 2: a") != sent.end());
  CHECK(std::ranges::find(sent, "1 Run 1: b") != sent.end());
  for (const auto& [route, id, nonce] : {std::tuple("0", "a", "2"), std::tuple("1", "b", "1")}) {
    paper.begins_at(0, route, id);
    paper.ends_at(0, route, id);
    paper.done_at(0, route, nonce);
  }
  CHECK(paper.ends.lines == std::vector<std::string>{"0 a success worker-0 channel-0",
                                                     "0 b success worker-1 channel-0"});
  CHECK(paper.sent(0).empty());  // what is left is of the other channel
  paper.opens("", 1);
  CHECK(paper.sends("Run 1: a b", 1));
}

TEST_CASE("--each: a channel that is lost leaves its tests undone, and the run incomplete") {
  SpreadRun paper(on_each({"a", "b"}), 2);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
  }
  paper.begins_at(0, "", "a");
  paper.begins_at(1, "", "a");
  paper.ends_at(1, "", "a");
  paper.channel_ends("\"ssh board\" was killed by SIGKILL (9)", 1);
  CHECK(paper.ends.has("1 b fail not-run channel-1"));
  CHECK(has(paper.why("b"), "SIGKILL"));
  CHECK(paper.status("a") == "success");  // of the lost channel, before that
  paper.ends_at(0, "", "a");
  paper.begins_at(0, "", "b");
  paper.ends_at(0, "", "b");
  paper.done_at(0, "", "1");
  CHECK(paper.sends("Goodbye", 0));
  paper.channel_ends("\"ssh\" exited with status 0", 0);
  REQUIRE(paper.run->over());
  CHECK(paper.ends.lines.size() == 5);  // four, and kRunTest
  CHECK(paper.ends.has("- subunit-proxy.run fail"));
  CHECK(has(paper.run->problem(), "SIGKILL"));
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("--each: what a dead server has left is for its channel") {
  SpreadRun paper(on_each({"a", "b", "c"}), 2);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
    paper.sent(channel);
  }
  paper.begins_at(1, "", "a");
  paper.detaches("", "killed by SIGSEGV (11)", 1);
  CHECK(paper.ends.lines == std::vector<std::string>{"1 a fail crashed worker-1 channel-1"});
  CHECK(paper.sent(0).empty());
  paper.opens("", 1);
  const auto sent = paper.sent(1);
  CHECK(has(sent.back(), " b"));
  paper.begins_at(0, "", "a");
  paper.ends_at(0, "", "a");
  CHECK(paper.ends.has("0 a success worker-0 channel-0"));
}

TEST_CASE("--each: a test that hangs on one channel is timed out there only") {
  Options options = on_each({"a"});
  options.test_timeout = 5s;
  SpreadRun paper(options, 2);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
    paper.begins_at(channel, "", "a");
  }
  paper.ends_at(1, "", "a");
  paper.done_at(1, "", "1");
  paper.wait(6s);
  const auto sent = paper.sent(0);
  CHECK(std::ranges::any_of(sent, [](const auto& line) { return has(line, "Respawn"); }));
  for (const std::string& line : paper.sent(1)) CHECK_FALSE(has(line, "Respawn"));
  paper.detaches("", "ended by the proxy", 0);
  CHECK(paper.ends.has("1 a success worker-1 channel-1"));
  CHECK(paper.ends.has("0 a fail timed-out worker-0 channel-0"));
}

TEST_CASE("--each: repeated, each round has each test on each channel") {
  Options options = on_each({"a"});
  options.repeat = 2;
  SpreadRun paper(options, 2);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
  }
  for (const char* nonce : {"1", "2"})
    for (const std::size_t channel : {0, 1}) {
      CHECK(paper.sends(fmt::format("Run {}: a", nonce), channel));
      paper.begins_at(channel, "", "a");
      paper.ends_at(channel, "", "a");
      paper.done_at(channel, "", nonce);
    }
  CHECK(paper.ends.has("0 a success worker-0 channel-0 round-1"));
  CHECK(paper.ends.has("1 a success worker-1 channel-1 round-2"));
  CHECK(paper.seen.expected == 4);
  CHECK(paper.sends("Goodbye"));
}

TEST_CASE("--each: a run that has lost a channel begins no other round") {
  Options options = on_each({"a"});
  options.repeat = 3;
  SpreadRun paper(options, 2);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
    paper.sent(channel);
  }
  paper.channel_ends("\"ssh\" was killed by SIGKILL (9)", 1);
  CHECK(paper.ends.lines == std::vector<std::string>{"1 a fail not-run channel-1 round-1"});
  paper.begins_at(0, "", "a");
  paper.ends_at(0, "", "a");
  paper.done_at(0, "", "1");
  CHECK(paper.sent(0) == std::vector<std::string>{"Goodbye"});
}

TEST_CASE("--each: a list is taken from the first channel, and runs everywhere") {
  Options options;
  options.spread = Spread::kEachChannel;
  SpreadRun paper(options, 2);
  for (const std::size_t channel : {1, 0}) {
    paper.ready(1, channel);
    paper.opens("", channel);
    CHECK(paper.sent(1) ==
          (channel == 1 ? std::vector<std::string>{"Hello"} : std::vector<std::string>{}));
  }
  paper.reports("", "x", Status::kExists);
  paper.says("", rpc::Done{"1"});
  CHECK(paper.sends("Run 2: x", 0));
  CHECK(paper.sends("Run 1: x", 1));
  CHECK(paper.seen.expected == 2);
}

TEST_CASE("--each: where the first channel is lost, the next one is asked for the list") {
  Options options;
  options.spread = Spread::kEachChannel;
  SpreadRun paper(options, 2);
  paper.ready(1, 1);
  paper.opens("", 1);
  paper.sent(1);
  paper.channel_ends("\"ssh\" exited with status 255", 0);
  CHECK(paper.sends("List 1", 1));
}

TEST_CASE("--each: what could not run on a lost channel is in a suite of that channel") {
  SpreadRun paper(on_each({"a"}), 2);
  report::JunitReport junit({.name = "each"}, *paper.run, paper.now);
  paper.run->add_observer(junit);
  paper.channel_ends("\"ssh\" exited with status 255", 1);
  paper.ready(1, 0);
  paper.opens("", 0);
  paper.begins_at(0, "", "a");
  paper.ends_at(0, "", "a");
  paper.done_at(0, "", "1");
  paper.channel_ends("\"ssh\" exited with status 0", 0);
  REQUIRE(paper.run->over());
  std::string xml;
  for (; !junit.pending_output().empty(); junit.consume_output()) xml += junit.pending_output();
  const std::size_t lost = xml.find("value=\"channel 1\"");
  REQUIRE(lost != std::string::npos);
  const std::string suite = xml.substr(lost, xml.find("</testsuite>", lost) - lost);
  CHECK(has(suite, "type=\"not-run\""));
  CHECK(xml.find("type=\"not-run\"") == xml.rfind("type=\"not-run\""));
}

TEST_CASE("--each: reports keep tests with the same id apart") {
  SpreadRun paper(on_each({"a"}), 2);
  report::JunitReport junit({.name = "each"}, *paper.run, paper.now);
  report::HumanReport human({}, *paper.run, paper.now);
  paper.run->add_observer(junit);
  paper.run->add_observer(human);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
    paper.begins_at(channel, "", "a");
  }
  for (const std::size_t channel : {0, 1}) {
    const std::string text = fmt::format("printed on {}\n", channel);
    paper.arrives(packet({.test_id = "a",
                          .mime_type = "text/plain;charset=utf8",
                          .file = File{"stdout", as_bytes(text)}}),
                  channel);
  }
  paper.ends_at(1, "", "a", Status::kFail);
  const std::string shown(human.pending_output());
  CHECK(has(shown, "FAIL: a (channel-1: channel 1)\n"));
  CHECK(has(shown, "printed on 1"));
  CHECK_FALSE(has(shown, "printed on 0"));
  paper.ends_at(0, "", "a");
  for (const std::size_t channel : {0, 1}) {
    paper.done_at(channel, "", "1");
    paper.channel_ends("\"ssh\" exited with status 0", channel);
  }
  CHECK(has(human.pending_output(), "failed     a  channel-1"));
  std::string xml;
  for (; !junit.pending_output().empty(); junit.consume_output()) xml += junit.pending_output();
  const std::string first = xml.substr(xml.find("worker-0"), xml.find("worker-1"));
  CHECK(has(first, "printed on 0"));
  CHECK(has(xml.substr(xml.find("worker-1")), "printed on 1"));
  CHECK(xml.find("printed on 0") == xml.rfind("printed on 0"));
}

TEST_CASE("--each: lines that tests print say on which channel") {
  SpreadRun paper(on_each({"a"}), 2);
  report::HumanReport human({.live = true}, *paper.run, paper.now);
  paper.run->add_observer(human);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
    paper.begins_at(channel, "", "a");
    paper.arrives(packet({.test_id = "a",
                          .mime_type = "text/plain;charset=utf8",
                          .file = File{"stdout", as_bytes("printed\n")}}),
                  channel);
  }
  CHECK(human.pending_output() == "channel-0 a: printed\nchannel-1 a: printed\n");
}

TEST_CASE("--each: what cannot run on one channel leaves the test of another as it is") {
  Options options = on_each({"a"});
  options.test_timeout = 5s;
  SpreadRun paper(options, 2);
  report::JunitReport junit({.name = "each"}, *paper.run, paper.now);
  report::Trace trace("each", paper.now);
  paper.run->add_observer(junit);
  paper.run->add_observer(trace);
  paper.ready(1, 0);
  paper.opens("", 0);
  paper.begins_at(0, "", "a");
  paper.arrives(packet({.test_id = "a",
                        .mime_type = "text/plain;charset=utf8",
                        .file = File{"stdout", as_bytes("printed on 0\n")}}));
  paper.channel_ends("\"ssh board\" exited with status 7", 1);
  CHECK(paper.ends.lines == std::vector<std::string>{"1 a fail not-run channel-1"});
  CHECK(paper.run->running().is_running("a", 0));
  paper.wait(6s);
  CHECK(paper.seen.told("(--test-timeout)"));
  paper.ends_at(0, "", "a");
  CHECK(paper.ends.has("0 a fail timed-out worker-0 channel-0"));
  paper.channel_ends();
  std::string xml;
  for (; !junit.pending_output().empty(); junit.consume_output()) xml += junit.pending_output();
  CHECK(has(xml.substr(xml.find("worker-0")), "printed on 0"));
  const std::string boxes(trace.pending_output());
  CHECK(has(boxes, "\"timed-out\""));
  CHECK_FALSE(has(boxes, "\"not-run\""));
}

TEST_CASE("--each: a channel may take longer to be ready than the others take for their tests") {
  Options options = on_each({"a"});
  options.ready_timeout = 60s;
  options.attach_timeout = 5s;
  SpreadRun paper(options, 2);
  paper.ready(1, 0);
  paper.opens("", 0);
  paper.begins_at(0, "", "a");
  paper.ends_at(0, "", "a");
  paper.done_at(0, "", "1");
  paper.wait(30s);
  CHECK(paper.seen.incidents.size() == 1);  // the server is there
  paper.ready(1, 1);
  paper.opens("", 1);
  CHECK(paper.sends("Run 1: a", 1));
}

TEST_CASE("--each: what an interrupted run leaves undone says on which channel") {
  SpreadRun paper(on_each({"a", "b"}), 2);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
    paper.begins_at(channel, "", "a");
  }
  paper.run->interrupt(paper.now);
  for (const std::size_t channel : {0, 1})
    paper.channel_ends("\"ssh\" exited with status 0", channel);
  REQUIRE(paper.run->over());
  CHECK(paper.ends.lines == std::vector<std::string>{
                                "0 a fail worker-0 channel-0",
                                "0 b fail not-run channel-0",
                                "1 a fail worker-1 channel-1",
                                "1 b fail not-run channel-1",
                                "- subunit-proxy.run fail",
                            });
}

TEST_CASE("--each: so does what a run that never begins leaves undone") {
  SpreadRun paper(on_each({"a"}), 2);
  for (const std::size_t channel : {0, 1})
    paper.channel_ends("\"ssh\" exited with status 255", channel);
  CHECK(paper.ends.lines == std::vector<std::string>{"0 a fail not-run channel-0",
                                                     "1 a fail not-run channel-1",
                                                     "- subunit-proxy.run fail"});
}

TEST_CASE("--each: after enough failures, a channel that is lost has nothing left to run") {
  Options options = on_each({"a", "b"});
  options.max_fail = 1;
  SpreadRun paper(options, 3);
  for (const std::size_t channel : {0, 1}) {
    paper.ready(1, channel);
    paper.opens("", channel);
    paper.begins_at(channel, "", "a");
  }
  paper.ends_at(0, "", "a", Status::kFail);
  paper.channel_ends("\"ssh board\" exited with status 7", 2);
  paper.done_at(0, "", "1");
  paper.ends_at(1, "", "a");
  paper.done_at(1, "", "1");
  for (const std::size_t channel : {0, 1})
    paper.channel_ends("\"ssh\" exited with status 0", channel);
  REQUIRE(paper.run->over());
  CHECK(paper.ends.lines ==
        std::vector<std::string>{"0 a fail worker-0 channel-0", "1 a success worker-1 channel-1",
                                 "0 b skip not-run channel-0", "1 b skip not-run channel-1",
                                 "2 a skip not-run channel-2", "2 b skip not-run channel-2"});
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("--each: what a lost channel leaves undone does not stop the others") {
  Options options = on_each({"a", "b"});
  options.max_fail = 1;
  SpreadRun paper(options, 2);
  paper.ready(1, 0);
  paper.opens("", 0);
  paper.begins_at(0, "", "a");
  paper.channel_ends("\"ssh board\" exited with status 7", 1);
  CHECK(paper.ends.lines.size() == 2);
  CHECK_FALSE(paper.seen.told("--max-fail"));
  paper.ends_at(0, "", "a", Status::kFail);
  CHECK(paper.seen.told("1 test has failed (--max-fail 1)"));
}

TEST_CASE("--stress: it begins when all servers are there, and runs on all at once") {
  SpreadRun paper(stress({"a"}));
  paper.ready(3);
  paper.opens("0");
  paper.opens("1");
  CHECK_FALSE(paper.sends("0 Run 1: a"));
  paper.opens("2");
  auto sent = paper.sent();
  for (const char* route : {"0", "1", "2"}) {
    CHECK(std::ranges::find(sent, fmt::format("{} Run 1: a", route)) != sent.end());
    paper.begins(route, "a");
  }
  for (const char* route : {"0", "1", "2"}) {
    CHECK(paper.sent().empty());  // the round is over when all have ended
    paper.passes(route, "a");
    paper.says(route, rpc::Done{"1"});
  }
  sent = paper.sent();
  CHECK(sent.size() == 3);
  CHECK(sent[0] == "0 Run 2: a");
  CHECK(paper.ends.lines == std::vector<std::string>{"0 a success worker-0 round-1",
                                                     "1 a success worker-1 round-1",
                                                     "2 a success worker-2 round-1"});
  CHECK(paper.seen.expected == 6);
  for (const char* route : {"0", "1", "2"}) {
    paper.begins(route, "a");
    paper.reports(route, "a", route[0] == '1' ? Status::kFail : Status::kSuccess);
    paper.says(route, rpc::Done{"2"});
  }
  CHECK(paper.sends("Goodbye"));
  paper.channel_ends();
  CHECK(paper.ends.has("1 a fail worker-1 round-2"));
  CHECK(paper.seen.told("the tests have run 2 times"));
  CHECK(paper.run->exit_status() == 1);
}

TEST_CASE("--stress: a server that never comes is not waited for without end") {
  SpreadRun paper(stress({"a"}));
  paper.ready(2);
  paper.opens("0");
  paper.detaches("1", "no test server within 60 s");
  CHECK(paper.sends("0 Run 1: a"));
  paper.begins("0", "a");
  paper.passes("0", "a");
  paper.says("0", rpc::Done{"1"});
  CHECK(paper.sends("Goodbye"));  // no other round
  paper.channel_ends();
  CHECK(paper.seen.told("the tests have run 1 time"));
  CHECK(has(paper.run->problem(), "a test server of the channel \"channel 0\" is not there"));
  CHECK(paper.run->exit_status() == 3);
}

TEST_CASE("--stress: nor is one that was announced and is never heard of") {
  SpreadRun paper(stress({"a"}));
  paper.ready(2);
  paper.opens("0");
  paper.wait(Options().attach_timeout);
  CHECK(paper.sends("0 Run 1: a"));
  CHECK(has(paper.run->problem(), "is not there"));
}

TEST_CASE("--stress: a channel that is lost before it begins leaves the run incomplete") {
  SpreadRun paper(stress({"a"}), 2);
  paper.ready(1, 0);
  paper.opens("", 0);
  paper.channel_ends("\"ssh\" exited with status 255", 1);
  CHECK(paper.sends("Run 1: a", 0));
  CHECK(has(paper.run->problem(), "exited with status 255"));
}

TEST_CASE("--stress: a server that cannot be started again is left out") {
  Options options = stress({"a"});
  options.max_fail = 0;
  SpreadRun paper(options);
  paper.ready(2);
  paper.opens("0");
  paper.opens("1");
  paper.sent();
  paper.begins("0", "a");
  for (int death = 0; death < Worker::kMaxDeaths; ++death) {
    paper.detaches("1", "the test server exited with status 9");
    if (death + 1 < Worker::kMaxDeaths) {
      CHECK(paper.sends("Respawn 1: tests are waiting for this server"));
      paper.opens("1");
    }
  }
  CHECK(paper.ends.lines == std::vector<std::string>{"1 a fail not-run round-1"});
  paper.passes("0", "a");
  paper.says("0", rpc::Done{"1"});
  CHECK(paper.sends("Goodbye"));
  paper.channel_ends();
  CHECK(paper.run->exit_status() == 3);
}
