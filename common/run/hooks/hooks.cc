#include "common/run/hooks/hooks.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>

#include "common/base/text.h"
#include "common/base/transition.h"

namespace subunit::run {

namespace {

constexpr std::size_t kMaxCommand = 100;  // bytes of it, in a message

/// "1.2 s": how long a command took.
std::string tenths(Time time) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count());
}

}  // namespace

Hooks::Hooks(const HookOptions& options, std::vector<std::string> channels) : options_(options) {
  for (std::string& command : channels) channels_.push_back({.command = std::move(command)});
}

void Hooks::go(Scope& scope, Step step) {
  static constexpr Transition<Stage, Step> kTransitions[] = {
      {Stage::kIdle, Step::kSetUp, Stage::kSettingUp},
      {Stage::kIdle, Step::kSkip, Stage::kOver},
      {Stage::kSettingUp, Step::kReady, Stage::kUp},
      {Stage::kSettingUp, Step::kTearDown, Stage::kTearingDown},
      {Stage::kUp, Step::kTearDown, Stage::kTearingDown},
      {Stage::kTearingDown, Step::kEnd, Stage::kOver},
  };
  const auto to = next_state(kTransitions, scope.stage, step);
  assert(to);
  if (to) scope.stage = *to;
}

// The way of a scope.

void Hooks::begin(Time now) {
  now_ = now;
  go(run_, Step::kSetUp);
  if (!start(options_.setup, std::nullopt, false)) run_set_up("");
}

/// The run's setup has ended, or there is none. After one that failed the scope is up, too: the run
/// ends first, since its teardown is told how that ended.
void Hooks::run_set_up(const std::string& problem) {
  go(run_, Step::kReady);
  for (Channel channel = 0; channel < channels_.size(); ++channel) {
    if (problem.empty() && channels_[channel].wanted) {
      set_up(channel);
    } else {
      orders_.push_back(RefuseChannel{
          channel, problem.empty() ? "the run ended before this channel was needed" : problem});
      go(channels_[channel], Step::kSkip);
    }
  }
}

void Hooks::set_up(Channel channel) {
  go(channels_[channel], Step::kSetUp);
  if (!start(options_.channel_setup, channel, false)) channel_set_up(channel, "");
}

void Hooks::channel_set_up(Channel channel, const std::string& problem) {
  Scope& scope = channels_[channel];
  if (problem.empty() && scope.wanted) {
    go(scope, Step::kReady);
    orders_.push_back(OpenChannel{channel});
    return;
  }
  orders_.push_back(RefuseChannel{
      channel, problem.empty() ? "the run ended before this channel was needed" : problem});
  tear_down(channel);
}

void Hooks::channel_over(Channel channel, Time now) {
  now_ = now;
  if (channels_[channel].stage == Stage::kUp) tear_down(channel);
}

void Hooks::tear_down(Channel channel) {
  go(channels_[channel], Step::kTearDown);
  if (!start(options_.channel_teardown, channel, true)) teardown_ended(channel);
}

void Hooks::run_over(int exit_status, Time now) {
  now_ = now;
  exit_status_ = exit_status;
  tear_down_run();
}

/// If it is time for that.
void Hooks::tear_down_run() {
  const bool all_over = std::ranges::all_of(
      channels_, [](const Scope& channel) { return channel.stage == Stage::kOver; });
  if (run_.stage != Stage::kUp || !run_is_over() || !all_over) return;
  go(run_, Step::kTearDown);
  if (!start(options_.teardown, std::nullopt, true)) teardown_ended(std::nullopt);
}

void Hooks::teardown_ended(std::optional<Channel> channel) {
  go(channel ? channels_[*channel] : run_, Step::kEnd);
  if (channel) tear_down_run();
}

// Its commands.

/// False if there is none.
bool Hooks::start(const std::optional<HookCommand>& command, std::optional<Channel> channel,
                  bool tears_down) {
  if (!command) return false;
  hooks_.push_back(
      {.command = *command, .channel = channel, .tears_down = tears_down, .started = now_});
  const Hook& hook = hooks_.back();
  orders_.push_back(Start{.hook = hooks_.size() - 1,
                          .command = hook.command,
                          .variables = variables_of(hook),
                          .name = name_of(hook)});
  return true;
}

std::vector<std::pair<std::string, std::string>> Hooks::variables_of(const Hook& hook) const {
  if (hook.channel)
    return {{"SUBUNIT_PROXY_CHANNEL", channels_[*hook.channel].command},
            {"SUBUNIT_PROXY_CHANNEL_NUMBER", std::to_string(*hook.channel)}};
  if (hook.tears_down) return {{"SUBUNIT_PROXY_STATUS", fmt::format("{}", exit_status_.value())}};
  return {};
}

void Hooks::printed(Number hook, Bytes bytes, Time now) {
  now_ = now;
  show(hooks_[hook], hooks_[hook].output.add(bytes));
}

void Hooks::show(const Hook& hook, const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    orders_.push_back(Show{fmt::format("{}: {}", option_of(hook), line)});
}

void Hooks::ended(Number number, const std::optional<std::string>& failure, Time now) {
  now_ = now;
  Hook& hook = hooks_[number];
  hook.running = false;
  show(hook, hook.output.finish());
  const bool is_good = !failure && !hook.cause;
  const std::string story = is_good ? "" : story_of(hook, failure);
  if (is_good) {
    orders_.push_back(
        Tell{Incident::Kind::kNote, fmt::format("{} took {}: {}", option_of(hook),
                                                tenths(now_ - hook.started), hook.command.text)});
  } else if (hook.tears_down) {
    orders_.push_back(
        Tell{Incident::Kind::kTrouble, fmt::format("{}; the verdict on the tests stands", story)});
  }
  const std::optional<Channel> channel = hook.channel;  // `hook` may move now
  if (hook.tears_down) return teardown_ended(channel);
  channel ? channel_set_up(*channel, story) : run_set_up(story);
}

void Hooks::stop(Number number, Cause cause, Time grace) {
  Hook& hook = hooks_[number];
  if (hook.grace && grace >= *hook.grace) return;
  if (!hook.cause) hook.cause = cause;
  hook.grace = grace;
  orders_.push_back(Stop{number, grace});
}

// What comes between.

void Hooks::give_up(Channel channel, Time now) {
  now_ = now;
  channels_[channel].wanted = false;
  const bool none_wanted = std::ranges::none_of(channels_, &Scope::wanted);
  for (Number number = 0; number < hooks_.size(); ++number) {
    const Hook& hook = hooks_[number];
    if (!hook.running || hook.tears_down) continue;
    if (hook.channel ? *hook.channel == channel : none_wanted)
      stop(number, Cause::kNotWanted, kGrace);
  }
}

void Hooks::interrupt(Time now) {
  now_ = now;
  const bool ends_teardowns = std::exchange(interrupted_, true) || run_is_over();
  for (Number number = 0; number < hooks_.size(); ++number) {
    const Hook& hook = hooks_[number];
    if (!hook.running) continue;
    if (hook.grace) {
      stop(number, Cause::kInterrupt, Time(0));
    } else if (hook.tears_down && ends_teardowns) {
      stop(number, Cause::kInterrupt, kGrace);
    }
  }
}

void Hooks::tick(Time now) {
  now_ = now;
  for (Number number = 0; number < hooks_.size(); ++number) {
    Hook& hook = hooks_[number];
    if (!hook.running || hook.grace) continue;
    if (now >= hook.started + options_.timeout) {
      stop(number, Cause::kTimeout, kGrace);
    } else if (!hook.told && now >= hook.started + kNotable) {
      hook.told = true;
      orders_.push_back(Tell{Incident::Kind::kNotice,
                             fmt::format("{} is still running after {}: {}", option_of(hook),
                                         in_seconds(kNotable), hook.command.text)});
    }
  }
}

std::optional<Time> Hooks::next_deadline() const {
  std::optional<Time> next;
  for (const Hook& hook : hooks_) {
    if (!hook.running || hook.grace) continue;
    next = earlier(next, hook.started + options_.timeout);
    if (!hook.told) next = earlier(next, hook.started + kNotable);
  }
  return next;
}

std::optional<Hooks::Order> Hooks::next_order() {
  if (orders_.empty()) return std::nullopt;
  std::optional<Order> order = std::move(orders_.front());
  orders_.pop_front();
  return order;
}

// Words for people.

/// "setup", "channel-setup 1": the option, and of several channels which one.
std::string Hooks::option_of(const Hook& hook) const {
  const std::string_view what = hook.tears_down ? "teardown" : "setup";
  if (!hook.channel) return std::string(what);
  if (channels_.size() == 1) return fmt::format("channel-{}", what);
  return fmt::format("channel-{} {}", what, *hook.channel);
}

std::string Hooks::name_of(const Hook& hook) const {
  std::string what =
      fmt::format("the {}{} command \"{}\"", hook.channel ? "channel " : "",
                  hook.tears_down ? "teardown" : "setup", escaped(hook.command.text, kMaxCommand));
  if (!hook.channel) return what;
  const std::string channel =
      fmt::format("\"{}\"", escaped(channels_[*hook.channel].command, kMaxCommand));
  return channels_.size() == 1
             ? fmt::format("{} for the channel {}", what, channel)
             : fmt::format("{} for channel-{} ({})", what, *hook.channel, channel);
}

/// How a command that has failed has ended.
std::string Hooks::story_of(const Hook& hook, const std::optional<std::string>& failure) const {
  const std::string took = tenths(now_ - hook.started);
  const auto how = [&]() -> std::string {
    if (!hook.cause) return fmt::format("{} after {}", *failure, took);
    switch (*hook.cause) {
      case Cause::kTimeout:
        return fmt::format("had not ended within {} (--setup-timeout), and was ended",
                           in_seconds(options_.timeout));
      case Cause::kNotWanted:
        return fmt::format("was ended after {}, since the run ended", took);
      case Cause::kInterrupt:
        return fmt::format("was ended after {} by an interrupt", took);
    }
    return "";
  };
  return fmt::format("{} {}; {}", name_of(hook), how(), hook.output.last_lines());
}

}  // namespace subunit::run
