#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/run/selection/limit_rules.h"
#include "common/run/selection/selection.h"

namespace subunit::run {

/// What the exit status of a run stands for.
enum class Verdict {
  kOfTests,   ///< 1 if a test failed
  kOfStream,  ///< 0 if the stream is complete, whatever the verdicts in it: the convention of testr
};

/// Where each test of a run is to run: at one of all sites, or at each. A test that runs at several
/// is as many tests, which have the same id.
enum class Spread {
  kOnce,
  kEachChannel,  ///< a site is a channel
  kEachWorker,   ///< a site is the place of a server
};

/// A command for the shell of this machine.
struct HookCommand {
  std::string text;
  std::string folder = {};  ///< where it starts; "": here
};

/// What to run around the tests; see Hooks.
struct HookOptions {
  std::optional<HookCommand> setup, teardown;                  ///< once
  std::optional<HookCommand> channel_setup, channel_teardown;  ///< for each channel
  Time timeout = std::chrono::seconds(60);                     ///< of each command
};

/// What a run was asked to do, as far as it decides something.
struct Options {
  // Which tests.
  bool list = false;               ///< list instead of run
  std::vector<std::string> match;  ///< keep the ids in which any of these is found
  std::vector<std::string> tests;  ///< ids
  bool failed = false;             ///< keep those that failed, or did not run, last time
  std::optional<Partition> partition;

  // Where.
  bool direct = false;  ///< a test server at the other end of a channel, and no proxy
  /// Unless it is kOnce: without retries, a schedule to replay, and limits across sites.
  Spread spread = Spread::kOnce;

  // In which order.
  bool suite_order = false;              ///< the names are a set; the server's list orders them
  bool keep_order = false;               ///< as given, whatever the history says
  std::optional<std::uint32_t> shuffle;  ///< the seed of an order that looks like chance
  std::optional<std::string> group;      ///< ids with the same match of this are one unit
  bool isolated = false;                 ///< each test in a server of its own

  // Not beside which others. Ids in which any of the expressions is found.
  std::vector<ResourceRule> resources;
  std::vector<std::string> exclusive;         ///< nothing else runs on the channel meanwhile
  std::vector<std::string> exclusive_in_run;  ///< nothing else runs at all meanwhile

  // How often; see Rounds.
  int repeat = 1;                   ///< rounds; 0: without end
  bool until_failure = false;       ///< no round after one with a failure
  std::optional<Time> repeat_time;  ///< no round begins after so long

  // When it ends.
  int max_fail = 0;          ///< after so many failures no test begins; 0: no limit
  int retries = 0;           ///< a test that fails runs again, so many times
  bool flaky_fails = false;  ///< a run with one that passes then has failed
  bool allow_empty = false;  ///< a run without any test is a success

  Verdict verdict = Verdict::kOfTests;

  // What is done before and after it.
  HookOptions hooks;

  // How long.
  Time ready_timeout = std::chrono::seconds(30);
  Time attach_timeout = std::chrono::seconds(60);
  Time hello_timeout = std::chrono::seconds(10);
  Time list_timeout =
      std::chrono::seconds(60);  ///< without a sign of a server that lists its tests
  std::optional<Time> test_timeout;
  std::optional<Time> slow;  ///< name a test that takes longer, while it runs
};

}  // namespace subunit::run
