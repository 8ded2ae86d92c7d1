// What runs around the tests: --setup and its like.

#include "common/run/hooks/hooks.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/paper_run.h"

using namespace subunit;
using namespace subunit::run;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

HookOptions all_hooks() {
  HookOptions options;
  options.setup = {.text = "up"};
  options.teardown = {.text = "down"};
  options.channel_setup = {.text = "plug"};
  options.channel_teardown = {.text = "unplug"};
  return options;
}

/// Hooks with commands and a clock that the test plays.
struct PaperHooks {
  explicit PaperHooks(HookOptions hook_options, std::size_t channels = 1)
      : options(std::move(hook_options)), hooks(options, names(channels)) {
    hooks.begin(now);
  }

  static Lines names(std::size_t channels) {
    Lines names;
    for (std::size_t i = 0; i < channels; ++i) names.push_back(fmt::format("ssh {}", i));
    return names;
  }

  /// What was ordered since this was asked last, a line each; what people are told apart.
  Lines orders() {
    Lines lines;
    while (const auto order = hooks.next_order()) {
      if (const auto* start = std::get_if<Hooks::Start>(&*order)) {
        CHECK(start->hook == started++);
        std::string line = fmt::format("start {}: {}", start->hook, start->command.text);
        for (const auto& [name, value] : start->variables)
          line += fmt::format(" {}={}", name, value);
        lines.push_back(line);
      } else if (const auto* stop = std::get_if<Hooks::Stop>(&*order)) {
        lines.push_back(fmt::format("stop {} within {}", stop->hook, in_seconds(stop->grace)));
      } else if (const auto* opened = std::get_if<Hooks::OpenChannel>(&*order)) {
        lines.push_back(fmt::format("open {}", opened->channel));
      } else if (const auto* refused = std::get_if<Hooks::RefuseChannel>(&*order)) {
        lines.push_back(fmt::format("refuse {}", refused->channel));
        problem = refused->problem;
      } else if (const auto* tell = std::get_if<Hooks::Tell>(&*order)) {
        told.push_back(tell->text);
        kind = tell->kind;
      } else if (const auto* show = std::get_if<Hooks::Show>(&*order)) {
        shown.push_back(show->line);
      }
    }
    return lines;
  }

  void ends(Hooks::Number hook) { hooks.ended(hook, std::nullopt, now); }
  void fails(Hooks::Number hook) { hooks.ended(hook, "exited with status 3", now); }
  void prints(Hooks::Number hook, std::string_view text) {
    hooks.printed(hook, as_bytes(text), now);
  }
  /// Time passes.
  void wait(Time time) {
    const Time end = now + time;
    while (hooks.next_deadline() && *hooks.next_deadline() <= end) {
      const Time due = std::max(now, *hooks.next_deadline());
      now = due;
      hooks.tick(now);
      REQUIRE_MESSAGE((!hooks.next_deadline() || *hooks.next_deadline() > due),
                      "tick() leaves its deadline where it is");
    }
    now = end;
  }

  Time now = 1000s;
  HookOptions options;
  Hooks hooks;
  Hooks::Number started = 0;
  std::string problem;  // of the channel that was refused last
  Incident::Kind kind{};
  Lines told, shown;
};

}  // namespace

TEST_CASE("hooks: each command runs when what is before it has ended") {
  PaperHooks paper(all_hooks());
  CHECK(paper.orders() == Lines{"start 0: up"});
  paper.ends(0);
  CHECK(paper.orders() ==
        Lines{"start 1: plug SUBUNIT_PROXY_CHANNEL=ssh 0 SUBUNIT_PROXY_CHANNEL_NUMBER=0"});
  paper.ends(1);
  CHECK(paper.orders() == Lines{"open 0"});
  paper.hooks.channel_over(0, paper.now);
  CHECK(paper.orders() ==
        Lines{"start 2: unplug SUBUNIT_PROXY_CHANNEL=ssh 0 SUBUNIT_PROXY_CHANNEL_NUMBER=0"});
  paper.hooks.run_over(1, paper.now);
  CHECK(paper.orders().empty());
  paper.ends(2);
  CHECK(paper.orders() == Lines{"start 3: down SUBUNIT_PROXY_STATUS=1"});
  CHECK_FALSE(paper.hooks.over());
  paper.ends(3);
  CHECK(paper.orders().empty());
  CHECK(paper.hooks.over());
}

TEST_CASE("hooks: without commands channels are opened at once, and the end waits for nothing") {
  PaperHooks paper({}, 2);
  CHECK(paper.orders() == Lines{"open 0", "open 1"});
  CHECK_FALSE(paper.hooks.next_deadline());
  paper.hooks.channel_over(0, paper.now);
  paper.hooks.channel_over(1, paper.now);
  paper.hooks.run_over(0, paper.now);
  CHECK(paper.orders().empty());
  CHECK(paper.hooks.over());
  CHECK(paper.told.empty());
}

TEST_CASE("hooks: the run's teardown waits for the run, and for its last channel") {
  HookOptions options;
  options.teardown = {.text = "down"};
  PaperHooks paper(options, 2);
  paper.orders();
  paper.hooks.channel_over(0, paper.now);
  paper.hooks.run_over(0, paper.now);
  CHECK(paper.orders().empty());
  paper.hooks.channel_over(1, paper.now);
  CHECK(paper.orders() == Lines{"start 0: down SUBUNIT_PROXY_STATUS=0"});
}

TEST_CASE("hooks: channels are set up side by side, and each is opened when it is ready") {
  PaperHooks paper(all_hooks(), 2);
  paper.orders();
  paper.ends(0);
  CHECK(paper.orders().size() == 2);
  paper.ends(2);
  CHECK(paper.orders() == Lines{"open 1"});
  paper.ends(1);
  CHECK(paper.orders() == Lines{"open 0"});
}

TEST_CASE("hooks: after a setup that fails no channel is opened, and the teardown runs") {
  PaperHooks paper(all_hooks(), 2);
  paper.orders();
  paper.prints(0, "looking for a board\nno bo");
  paper.now += 1200ms;
  paper.prints(0, "ard\n");
  paper.fails(0);
  CHECK(paper.orders() == Lines{"refuse 0", "refuse 1"});
  CHECK(paper.problem ==
        "the setup command \"up\" exited with status 3 after 1.2 s; its last output: "
        "\"looking for a board\\nno board\"");
  paper.hooks.run_over(3, paper.now);
  CHECK(paper.orders() == Lines{"start 1: down SUBUNIT_PROXY_STATUS=3"});
}

TEST_CASE("hooks: a channel whose setup fails is not opened, but torn down; the others go on") {
  PaperHooks paper(all_hooks(), 2);
  paper.orders();
  paper.ends(0);
  paper.orders();
  paper.fails(1);
  CHECK(paper.orders() ==
        Lines{"refuse 0",
              "start 3: unplug SUBUNIT_PROXY_CHANNEL=ssh 0 SUBUNIT_PROXY_CHANNEL_NUMBER=0"});
  CHECK(paper.problem ==
        "the channel setup command \"plug\" for channel-0 (\"ssh 0\") exited with status 3 after "
        "0.0 s; it printed nothing");
  paper.hooks.channel_over(0, paper.now);  // as the run sees it
  paper.ends(3);
  paper.ends(2);
  CHECK(paper.orders() == Lines{"open 1"});
}

TEST_CASE("hooks: a teardown that fails is a warning, and the next one runs") {
  PaperHooks paper(all_hooks());
  paper.ends(0);
  paper.ends(1);
  paper.hooks.channel_over(0, paper.now);
  paper.hooks.run_over(0, paper.now);
  paper.orders();
  paper.fails(2);
  CHECK(paper.orders() == Lines{"start 3: down SUBUNIT_PROXY_STATUS=0"});
  CHECK(paper.kind == Incident::Kind::kTrouble);
  CHECK(has(paper.told.back(), "the channel teardown command \"unplug\""));
  CHECK(has(paper.told.back(), "exited with status 3"));
  CHECK(has(paper.told.back(), "the verdict on the tests stands"));
  paper.fails(3);
  paper.orders();
  CHECK(has(paper.told.back(), "the teardown command \"down\" exited with status 3"));
  CHECK(paper.hooks.over());
}

TEST_CASE("hooks: what takes too long is ended") {
  PaperHooks paper(all_hooks());
  paper.orders();
  paper.wait(59s);
  CHECK(paper.orders().empty());
  paper.wait(1s);
  CHECK(paper.orders() == Lines{"stop 0 within 2 s"});
  paper.wait(100s);
  CHECK(paper.orders().empty());
  paper.ends(0);  // it has caught TERM, and says that all is well
  CHECK(paper.orders() == Lines{"refuse 0"});
  CHECK(has(paper.problem, "had not ended within 60 s (--setup-timeout), and was ended"));
  paper.hooks.run_over(3, paper.now);
  CHECK(paper.orders() == Lines{"start 1: down SUBUNIT_PROXY_STATUS=3"});
  paper.wait(60s);
  CHECK(paper.orders() == Lines{"stop 1 within 2 s"});
  paper.fails(1);
  paper.orders();
  CHECK(has(paper.told.back(), "(--setup-timeout)"));
  CHECK(paper.hooks.over());
}

TEST_CASE("hooks: each command has the whole time") {
  PaperHooks paper(all_hooks());
  paper.wait(40s);
  paper.ends(0);
  paper.orders();
  paper.wait(59s);
  CHECK(paper.orders().empty());
  paper.wait(1s);
  CHECK(paper.orders() == Lines{"stop 1 within 2 s"});
}

TEST_CASE("hooks: people are told how long it took, and once what they wait for") {
  PaperHooks paper(all_hooks(), 2);
  paper.wait(1900ms);
  paper.orders();
  CHECK(paper.told.empty());
  paper.wait(3s);
  paper.orders();
  CHECK(paper.told == Lines{"setup is still running after 2 s: up"});
  CHECK(paper.kind == Incident::Kind::kNotice);
  paper.ends(0);
  paper.orders();
  CHECK(paper.told.back() == "setup took 4.9 s: up");
  CHECK(paper.kind == Incident::Kind::kNote);
  paper.ends(2);
  paper.orders();
  CHECK(paper.told.back() == "channel-setup 1 took 0.0 s: plug");
}

TEST_CASE("hooks: what commands print is shown line by line with the option's name") {
  PaperHooks paper(all_hooks());
  paper.prints(0, "one\ntw");
  paper.prints(0, "o\n\r\n\n  10 %\r  20 %");
  paper.orders();
  CHECK(paper.shown == Lines{"setup: one", "setup: two", "setup:   10 %"});
  paper.ends(0);
  paper.orders();
  CHECK(paper.shown.back() == "setup:   20 %");
  paper.prints(1, "plugged\n");
  paper.prints(0, "a process left behind\n");
  paper.orders();
  CHECK(paper.shown[4] == "channel-setup: plugged");
  CHECK(paper.shown[5] == "setup: a process left behind");
}

TEST_CASE(
    "hooks: of a command that prints a lot, the last lines are kept, and no line is too long") {
  PaperHooks paper(all_hooks());
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("line {}\n", i);
  paper.prints(0, text);
  paper.prints(0, std::string(1'000'000, 'x'));
  paper.fails(0);
  paper.orders();
  CHECK(paper.shown.size() == 1100);
  CHECK(paper.shown.back().size() == 1007);
  CHECK_FALSE(has(paper.problem, "line 99"));
  CHECK(paper.problem.size() < 1500);
}

TEST_CASE("hooks: a channel that is not needed any more is not opened, but torn down") {
  PaperHooks paper(all_hooks(), 2);
  paper.ends(0);
  paper.orders();
  paper.hooks.give_up(1, paper.now);
  CHECK(paper.orders() == Lines{"stop 2 within 2 s"});
  paper.hooks.give_up(1, paper.now);
  CHECK(paper.orders().empty());
  paper.hooks.ended(2, "was killed by SIGTERM (15)", paper.now);
  CHECK(paper.orders() ==
        Lines{"refuse 1",
              "start 3: unplug SUBUNIT_PROXY_CHANNEL=ssh 1 SUBUNIT_PROXY_CHANNEL_NUMBER=1"});
  CHECK(has(paper.problem, "was ended after 0.0 s, since the run ended"));
  paper.ends(1);
  CHECK(paper.orders() == Lines{"open 0"});
}

TEST_CASE("hooks: a setup goes on as long as one channel needs it") {
  PaperHooks paper(all_hooks(), 2);
  paper.orders();
  paper.hooks.give_up(0, paper.now);
  CHECK(paper.orders().empty());
  paper.hooks.give_up(1, paper.now);
  CHECK(paper.orders() == Lines{"stop 0 within 2 s"});
  paper.hooks.ended(0, "was killed by SIGTERM (15)", paper.now);
  CHECK(paper.orders() == Lines{"refuse 0", "refuse 1"});
  paper.hooks.run_over(3, paper.now);
  CHECK(paper.orders() == Lines{"start 1: down SUBUNIT_PROXY_STATUS=3"});
}

TEST_CASE("hooks: the first interrupt ends no teardown, the second one does, the third at once") {
  PaperHooks paper(all_hooks());
  paper.ends(0);
  paper.ends(1);
  paper.hooks.channel_over(0, paper.now);
  paper.orders();
  paper.hooks.interrupt(paper.now);
  CHECK(paper.orders().empty());
  paper.hooks.interrupt(paper.now);
  CHECK(paper.orders() == Lines{"stop 2 within 2 s"});
  paper.hooks.interrupt(paper.now);
  CHECK(paper.orders() == Lines{"stop 2 within 0 s"});
  paper.fails(2);
  paper.hooks.run_over(3, paper.now);
  CHECK(paper.orders() == Lines{"start 3: down SUBUNIT_PROXY_STATUS=3"});
  CHECK(has(paper.told.back(), "was ended after 0.0 s by an interrupt"));
}

TEST_CASE("hooks: once the run is over, an interrupt is for its teardown") {
  PaperHooks paper(all_hooks());
  paper.ends(0);
  paper.ends(1);
  paper.hooks.channel_over(0, paper.now);
  paper.ends(2);
  paper.hooks.run_over(0, paper.now);
  paper.orders();
  paper.hooks.interrupt(paper.now);
  CHECK(paper.orders() == Lines{"stop 3 within 2 s"});
}

TEST_CASE("hooks: a setup that was told to end is killed by the next interrupt") {
  PaperHooks paper(all_hooks());
  paper.orders();
  paper.hooks.interrupt(paper.now);
  CHECK(paper.orders().empty());  // the run gives its channels up
  paper.hooks.give_up(0, paper.now);
  CHECK(paper.orders() == Lines{"stop 0 within 2 s"});
  paper.hooks.interrupt(paper.now);
  CHECK(paper.orders() == Lines{"stop 0 within 0 s"});
}

// What a run makes of channels that are set up.

TEST_CASE("a channel that is being set up has no time-out, and is not asking for a password") {
  PaperRun paper;
  TestRun run(paper.options, paper.plan, 1, paper.now);
  RemoteProxy& remote = run.add_channel(
      {.name = "c", .awaited = [] { return std::string("for Ready"); }, .how_far = {}});
  run.start(paper.now);
  CHECK(run.being_set_up());
  CHECK_FALSE(run.may_be_asking());
  CHECK_FALSE(remote.expects_packets());
  run.tick(paper.now + 1h);
  CHECK_FALSE(remote.leaving());
  remote.start(paper.now + 1h);
  CHECK_FALSE(run.being_set_up());
  CHECK(run.may_be_asking());
  run.tick(paper.now + 1h + paper.options.ready_timeout);
  CHECK(remote.leaving());
}

TEST_CASE("a run none of whose channels can be started has failed, and says why") {
  Options options = naming({"a"});
  Plan plan = *Plan::create(options, {});
  TestRun run(options, plan, 2, 0s);
  Record seen;
  run.add_observer(seen);
  for (const char* name : {"x", "y"}) run.add_channel({.name = name, .awaited = {}, .how_far = {}});
  run.start(0s);
  run.channels().front().fail_to_start("the setup failed");
  run.tick(1s);
  CHECK_FALSE(run.over());
  run.channels().back().fail_to_start("the setup failed");
  run.tick(1s);
  CHECK(run.over());
  CHECK(run.problem() == "the setup failed");
  CHECK(run.exit_status() == 3);
  CHECK(seen.statuses["a"] == "fail");
  CHECK(seen.files["a"] == "not run: the setup failed\n");
}

TEST_CASE("a run that is interrupted while a channel is set up waits for the end of that") {
  Options options = naming({"a"});
  Plan plan = *Plan::create(options, {});
  TestRun run(options, plan, 1, 0s);
  RemoteProxy& remote = run.add_channel({.name = "x", .awaited = {}, .how_far = {}});
  run.start(0s);
  run.interrupt(1s);
  CHECK(remote.leaving());
  CHECK_FALSE(run.over());
  remote.fail_to_start("ended");
  run.tick(2s);
  CHECK(run.over());
  CHECK(run.problem() == "interrupted");
  CHECK(run.exit_status() == 3);
}

TEST_CASE("a run that ends while another channel is set up does not need that one") {
  PaperRun paper(naming({"a"}), {}, 1);
  Options& options = paper.options;
  Plan plan = *Plan::create(options, {});
  paper.run = std::make_unique<TestRun>(options, plan, 2, paper.now);
  Record seen;
  paper.run->add_observer(seen);
  for (const char* name : {"x", "y"})
    paper.run->add_channel({.name = name, .awaited = {}, .how_far = {}});
  paper.run->start(paper.now);
  paper.remote(0).start(paper.now);
  paper.ready();
  paper.opens("");
  paper.passes("", "a");
  paper.says("", rpc::Done{"1"});
  CHECK(paper.remote(1).leaving());
  CHECK(seen.told("the channel \"y\" was not ready when the run ended; its setup had not ended"));
  paper.channel_ends();
  CHECK_FALSE(paper.run->over());
  paper.remote(1).fail_to_start("ended");
  paper.run->tick(paper.now);
  CHECK(paper.run->over());
  CHECK(paper.run->exit_status() == 0);
}
