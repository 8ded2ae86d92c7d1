// Tests that cannot run beside others (--resource, --exclusive).

#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

Options limited(std::vector<const char*> rules, std::vector<std::string> tests) {
  Options options = naming(std::move(tests));
  for (const char* rule : rules) options.resources.push_back(*ResourceRule::parse(rule));
  return options;
}

/// Servers 0 and 1 behind each channel are there.
void opens_all(PaperRun& paper, std::size_t channels = 1) {
  for (std::size_t channel = 0; channel < channels; ++channel) {
    paper.ready(2, channel);
    paper.opens("0", channel);
    paper.opens("1", channel);
  }
}

/// A test that was sent alone begins and ends.
void runs(PaperRun& paper, std::string_view route, std::string_view id, const char* nonce,
          Status status = Status::kSuccess, std::size_t channel = 0) {
  paper.reports(route, id, Status::kInProgress, {}, channel);
  paper.reports(route, id, status, {}, channel);
  paper.says(route, rpc::Done{nonce}, channel);
}

}  // namespace

TEST_CASE("with one slot, one test of a resource runs at a time, and others beside it") {
  PaperRun paper(limited({"db=1:^db"}, {"x", "db1", "db2", "y"}));
  opens_all(paper);
  CHECK(paper.sent() == Lines{"0 Hello", "1 Hello", "0 Run 1: x", "1 Run 1: db1"});
  runs(paper, "0", "x", "1");
  CHECK(paper.sent() == Lines{"0 Run 2: y", "1 Run 2: db2"});  // db2 follows db1 on its slot
  runs(paper, "0", "y", "2");
  CHECK(paper.sent().empty());
  runs(paper, "1", "db1", "1");
  runs(paper, "1", "db2", "2");
  CHECK(paper.sends("Goodbye"));
}

TEST_CASE("a slot in the run is one for all channels, and one on each channel is not") {
  const Lines tests = {"a", "b", "c"};
  Options options = limited({"db=1:."}, tests);
  options.isolated = true;  // one test in a message
  PaperRun one(options, {}, 2);
  opens_all(one, 2);
  CHECK(one.sends("0 Run 1: a"));
  CHECK(one.sent(1) == Lines{"0 Hello", "1 Hello"});
  runs(one, "0", "a", "1");
  CHECK(one.sends("1 Run 1: b"));
  runs(one, "1", "b", "1");
  CHECK(one.sends("0 Run 1: c", 1));

  options.resources = {*ResourceRule::parse("db=1,per-channel:.")};
  PaperRun each(options, {}, 2);
  opens_all(each, 2);
  CHECK(each.sends("0 Run 1: a"));
  CHECK(each.sent(1) == Lines{"0 Hello", "1 Hello", "0 Run 1: b"});
}

TEST_CASE("beside an exclusive test nothing runs on its channel") {
  Options options = naming({"a", "b", "c", "reboot"});
  options.isolated = true;
  options.exclusive = {"reboot"};
  PaperRun paper(options, {}, 2);
  opens_all(paper);
  CHECK(paper.sent() == Lines{"0 Hello", "1 Hello", "0 Run 1: reboot"});
  paper.ready(2, 1);
  paper.opens("0", 1);
  CHECK(paper.sends("0 Run 1: a", 1));
  paper.opens("1", 1);
  CHECK(paper.sends("1 Run 1: b", 1));
  CHECK(paper.sent().empty());
  paper.begins("0", "reboot");
  paper.passes("0", "reboot");
  CHECK(paper.sends("1 Run 1: c"));
}

TEST_CASE("in the given order an exclusive test waits until its channel is idle") {
  Options options = naming({"a", "b", "reboot", "c", "d"});
  options.isolated = true;
  options.keep_order = true;
  options.exclusive = {"reboot"};
  PaperRun paper(options);
  opens_all(paper);
  CHECK(paper.sent() == Lines{"0 Hello", "1 Hello", "0 Run 1: a", "1 Run 1: b"});
  const auto again = [&paper](std::string_view route, std::string_view id) {
    runs(paper, route, id, "1");
    paper.detaches(route, "the test server has exited");
    paper.opens(route);
    return paper.sent().back();
  };
  CHECK(again("0", "a") == "0 Run 1: c");
  CHECK(again("1", "b") == "1 Run 1: d");
  again("0", "c");
  CHECK(again("1", "d") == "0 Run 1: reboot");
}

TEST_CASE("beside a test that is exclusive in the run nothing runs at all") {
  Options options = naming({"a", "b", "all"});
  options.isolated = true;
  options.exclusive_in_run = {"all"};
  PaperRun paper(options, {}, 2);
  opens_all(paper, 2);
  CHECK(paper.sends("0 Run 1: all"));
  CHECK(paper.sent(1) == Lines{"0 Hello", "1 Hello"});
  paper.begins("0", "all");
  paper.passes("0", "all");
  CHECK(paper.sends("1 Run 1: a"));
  CHECK(paper.sends("0 Run 1: b", 1));
}

TEST_CASE("a test that runs again waits for what it needs") {
  Options options = limited({"db=1:^db"}, {"db1", "db2", "x"});
  options.retries = 1;
  PaperRun paper(options);
  opens_all(paper);
  CHECK(paper.sends("0 Run 1: db1 db2"));
  paper.begins("0", "db1");
  paper.reports("0", "db1", Status::kFail);
  runs(paper, "1", "x", "1");
  CHECK(paper.sent().empty());  // db2 has the slot
  paper.begins("0", "db2");
  paper.passes("0", "db2");
  CHECK(paper.sent() == Lines{"1 Run 2: db1"});
  paper.says("0", rpc::Done{"1"});
  CHECK(paper.sent().empty());
  runs(paper, "1", "db1", "2");
  CHECK(paper.sends("Goodbye"));
}

TEST_CASE("while an exclusive test runs again, nothing begins beside it") {
  Options options = naming({"reboot", "x", "y"});
  options.exclusive = {"reboot"};
  options.retries = 1;
  options.isolated = true;
  PaperRun paper(options);
  opens_all(paper);
  CHECK(paper.sends("0 Run 1: reboot"));
  paper.begins("0", "reboot");
  paper.reports("0", "reboot", Status::kFail);
  CHECK(paper.sends("1 Run 1: x"));
  paper.says("0", rpc::Done{"1"});
  paper.sent();
  paper.detaches("0", "the test server has exited");
  paper.opens("0");
  CHECK(paper.sends("0 Run 1: y"));
  runs(paper, "1", "x", "1");
  paper.detaches("1", "the test server has exited");
  paper.opens("1");
  CHECK_FALSE(paper.sends("1 Run 1: reboot"));  // y is not at its end
  paper.begins("0", "y");
  paper.passes("0", "y");
  CHECK(paper.sends("1 Run 1: reboot"));
}

TEST_CASE("what a server held that dies is free") {
  Options options = limited({"db=1:^db"}, {"db1", "db2"});
  options.isolated = true;
  PaperRun paper(options);
  opens_all(paper);
  CHECK(paper.sends("0 Run 1: db1"));
  paper.begins("0", "db1");
  paper.proxy_fails("0", "db1", "killed by SIGKILL");
  CHECK(paper.sends("1 Run 1: db2"));
}

TEST_CASE("one server gets everything in one message, since it breaks no limit") {
  Options options = limited({"db=1:^db"}, {"db1", "x", "db2"});
  options.exclusive = {"x"};
  PaperRun paper(options);
  paper.ready();
  paper.opens("");
  CHECK(paper.sends("Run 1: db1 x db2"));
}
