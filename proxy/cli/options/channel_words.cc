#include "proxy/cli/options/channel_words.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "proxy/testr/channel_list.h"

namespace proxy {
namespace {

std::string joined(const subunit::Words& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// `run ssh board subunit-proxy serve -- python3 …`: without "--" before it, the channel command
/// is taken for ids of tests, and the server's command for the channel's.
void check_words_before(const subunit::Words& words, const subunit::Words& command) {
  constexpr std::string_view kPrograms[] = {"ssh", "podman", "docker", "kubectl", "socat"};
  if (words.empty() || command.empty()) return;
  const bool begins = std::ranges::find(kPrograms, words.front()) != std::end(kPrograms);
  const bool serves = words.size() > 1 && std::ranges::find(words, "serve") != words.end();
  if (!begins && !serves) return;
  throw UsageError(fmt::format(
      "\"{}\" comes before --, where ids of tests are expected; the channel command comes after "
      "it: subunit-proxy run -- {} -- {}",
      subunit::escaped(joined(words)), subunit::escaped(joined(words)),
      subunit::escaped(joined(command))));
}

}  // namespace

void ChannelWords::add() {
  options_.texts(
      {"--channel", "COMMAND", "a channel's command, as one quoted argument; may be repeated"},
      [this](const std::string& text) { add_channel(text); });
  options_.text({"--channels-from", "FILE", "read such commands from FILE, one per line"}, list_);
}

void ChannelWords::add_channel(const std::string& text) {
  const auto commands = subunit::split_commands(text);
  if (!commands) throw UsageError("--channel: " + commands.error().text);
  if (commands->empty()) throw UsageError("--channel: the command is empty");
  channels_.insert(channels_.end(), commands->begin(), commands->end());
}

bool ChannelWords::are_own(const subunit::Words& command) const {
  return !command.empty() || config_.is_own("--channel") || config_.is_own("--channels-from");
}

std::vector<subunit::Words> ChannelWords::take(const subunit::Words& before,
                                               subunit::Words command) {
  check_words_before(before, command);
  const bool has_own = are_own(command);
  std::vector<subunit::Words> all;
  if (!has_own || config_.is_own("--channel")) all = std::move(channels_);
  if (list_ && (!has_own || config_.is_own("--channels-from"))) {
    auto listed = read_channel_list(*list_);
    if (!listed) throw UsageError(listed.error().text);
    std::ranges::move(*listed, std::back_inserter(all));
  }
  if (all.empty() == command.empty()) {
    throw UsageError(
        "run needs a CHANNEL COMMAND: either one after --, or any number of them with --channel "
        "and --channels-from, also in a file subunit-proxy.toml");
  }
  if (all.empty()) all.push_back(std::move(command));
  return all;
}

}  // namespace proxy
