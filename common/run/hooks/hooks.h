#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/time.h"
#include "common/run/hooks/hook_output.h"
#include "common/run/observer.h"
#include "common/run/options.h"

namespace subunit::run {

/// The commands that the user has run around the tests: --setup and --teardown once,
/// --channel-setup and --channel-teardown for each channel.
///
/// It decides which command runs when, how long, and what follows from its end. It stands beside a
/// TestRun, which knows nothing of such commands: for that, a channel is one that has not been
/// started yet, or that could not be. What happens is handed in, and what is to be done is taken
/// out, as orders, in their order:
///
///     Hooks hooks(options, commands_of_channels);
///     hooks.begin(now);
///     while (auto order = hooks.next_order()) …     // after every call that has `now`
///     timer.start(hooks.next_deadline());           // for tick()
///     if (hooks.over()) exit(…);
///
/// The run as a whole and each channel are scopes, and each scope goes the same way:
///
///     kIdle ──set up──► kSettingUp ──ready──► kUp ──tear down──► kTearingDown ──end──► kOver
///       │                    └─────────tear down─────────────────────►┘                 ▲
///       └──────────────────────────────────skip────────────────────────────────────────►┘
///
/// A scope without a command for a step takes that step at once. The channels' scopes lie within
/// that of the run: they are idle until it is up, and it is torn down once they are over, and the
/// run is. Two rules follow from the wish that nothing is left behind:
///   - whatever was begun to be set up is torn down, even if its setup has failed or was broken
///   off;
///   - nothing ends a teardown but its time-out, and an interrupt that has nothing else to end: the
///     second one, or the first one after the run.
/// A setup that fails costs what it is for: the run's all channels, a channel's that channel. A
/// teardown that fails costs nothing but a warning, since the verdict on the tests is there by
/// then.
class Hooks {
 public:
  /// Between TERM and KILL, for a command that is to end.
  static constexpr Time kGrace = std::chrono::seconds(2);
  /// After this long, people are told what they wait for.
  static constexpr Time kNotable = std::chrono::seconds(2);

  /// A command, by the order in which they were started.
  using Number = std::size_t;
  /// A channel, from 0.
  using Channel = std::size_t;

  // What is to be done.

  struct Start {
    Number hook;
    HookCommand command;
    std::vector<std::pair<std::string, std::string>> variables;  ///< of its environment
    std::string name;                                            ///< for people
  };
  /// TERM to it and its children, and KILL after `grace`, or sooner if that was ordered before.
  struct Stop {
    Number hook;
    Time grace;
  };
  /// All is set up for it: its command is to be started.
  struct OpenChannel {
    Channel channel;
  };
  /// It cannot be opened, or is not needed any more. This is its end.
  struct RefuseChannel {
    Channel channel;
    std::string problem;
  };
  /// For whoever shows the run.
  struct Tell {
    Incident::Kind kind;
    std::string text;
  };
  /// What a command has printed: "setup: a line".
  struct Show {
    std::string line;
  };
  using Order = std::variant<Start, Stop, OpenChannel, RefuseChannel, Tell, Show>;

  /// `options` is the caller's, and lives longer. `channels`: their commands, as
  /// for a shell.
  Hooks(const HookOptions& options, std::vector<std::string> channels);

  // What happens. `now` never goes back.

  void begin(Time now);
  /// Some of the output of a command. It may come after the end, from a process left behind.
  void printed(Number hook, Bytes bytes, Time now);
  /// `failure`: "exited with status 1"; nothing if it has ended as it should.
  void ended(Number hook, const std::optional<std::string>& failure, Time now);
  /// A channel that was opened has ended, or could not be started.
  void channel_over(Channel channel, Time now);
  /// A channel that was not opened yet is not needed any more.
  void give_up(Channel channel, Time now);
  /// The verdict is there. All channels have ended, or were refused.
  void run_over(int exit_status, Time now);
  /// Somebody wants it to end. Setups are ended by give_up(), when the run has been told.
  void interrupt(Time now);
  void tick(Time now);
  [[nodiscard]] std::optional<Time> next_deadline() const;

  /// The next thing to do; nothing if there is none for now.
  [[nodiscard]] std::optional<Order> next_order();

  /// Nothing more will be started, and nothing runs.
  [[nodiscard]] bool over() const { return run_.stage == Stage::kOver; }

 private:
  enum class Stage { kIdle, kSettingUp, kUp, kTearingDown, kOver };
  enum class Step { kSetUp, kReady, kTearDown, kEnd, kSkip };

  /// The run, or one channel.
  struct Scope {
    std::string command;  // of a channel, as for a shell
    Stage stage = Stage::kIdle;
    bool wanted = true;
  };

  /// Why a command was told to end.
  enum class Cause { kTimeout, kNotWanted, kInterrupt };

  /// A command that was started.
  struct Hook {
    HookCommand command;
    std::optional<Channel> channel;  // nothing: of the run
    bool tears_down;
    Time started;
    bool running = true;
    bool told = false;  // people know that they wait for it
    std::optional<Cause> cause = std::nullopt;
    std::optional<Time> grace = std::nullopt;  // once it was told to end
    HookOutput output = {};
  };

  static void go(Scope& scope, Step step);
  [[nodiscard]] Scope& scope_of(const Hook& hook) {
    return hook.channel ? channels_[*hook.channel] : run_;
  }
  [[nodiscard]] bool run_is_over() const { return exit_status_.has_value(); }

  bool start(const std::optional<HookCommand>& command, std::optional<Channel> channel,
             bool tears_down);
  void stop(Number number, Cause cause, Time grace);
  void set_up(Channel channel);
  void run_set_up(const std::string& problem);
  void channel_set_up(Channel channel, const std::string& problem);
  void tear_down(Channel channel);
  void tear_down_run();
  void teardown_ended(std::optional<Channel> channel);
  void show(const Hook& hook, const std::vector<std::string>& lines);

  [[nodiscard]] std::string option_of(const Hook& hook) const;
  [[nodiscard]] std::string name_of(const Hook& hook) const;
  [[nodiscard]] std::string story_of(const Hook& hook,
                                     const std::optional<std::string>& failure) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> variables_of(
      const Hook& hook) const;

  const HookOptions& options_;
  Scope run_;
  std::vector<Scope> channels_;
  std::vector<Hook> hooks_;
  std::deque<Order> orders_;
  std::optional<int> exit_status_;  // of the run, once it is over
  bool interrupted_ = false;
  Time now_{};
};

}  // namespace subunit::run
