#include "common/push/push_words.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace subunit::push {
namespace {

using Position = Words::const_iterator;

std::string_view program_name(const std::string& word) {
  const std::string_view path = word;
  return path.substr(path.rfind('/') + 1);
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, const std::string& word) {
  return std::ranges::find(names, program_name(word)) != names.end();
}

bool is_shell(const std::string& word) {
  static constexpr std::array<std::string_view, 8> kShells = {"sh",  "bash", "dash", "ash",
                                                              "ksh", "mksh", "zsh",  "busybox"};
  return is_one_of(kShells, word);
}

/// Those that tell the options of `exec` from the command in the container by "--".
constexpr std::array<std::string_view, 3> kWithDashes = {"kubectl", "oc", "lxc"};

/// The "--" that ends the channel's command.
Position end_of_channel(const Words& words) {
  const auto first = std::find(words.begin(), words.end(), "--");
  if (first == words.end() || first == words.begin()) return first;
  const auto second = std::find(first + 1, words.end(), "--");
  if (second == words.end()) return first;
  if ((first + 1)->starts_with('-') && second != first + 1) return first;  // an option of serve
  const bool is_only_a_shell = second == first + 2 && is_shell(*(first + 1));
  return is_only_a_shell || is_one_of(kWithDashes, words.front()) ? second : first;
}

void complete_container_command(Words& channel) {
  static constexpr std::array<std::string_view, 3> kOthers = {"podman", "docker", "nerdctl"};
  static constexpr std::array<std::string_view, 4> kGiveShells = {"su", "sudo", "env", "runuser"};
  const bool with_dashes = is_one_of(kWithDashes, channel.front());
  if (!with_dashes && !is_one_of(kOthers, channel.front())) return;
  const auto exec = std::ranges::find(channel, "exec");
  if (exec == channel.end()) return;
  const auto has_shell = [](const std::string& word) {
    return is_shell(word) || is_one_of(kGiveShells, word);
  };
  if (std::any_of(exec, channel.end(), has_shell)) return;
  if (with_dashes && std::find(exec, channel.end(), "--") == channel.end())
    channel.emplace_back("--");
  channel.emplace_back("sh");
}

void complete_ssh_command(Words& channel) {
  if (program_name(channel.front()) != "ssh") return;
  const auto says = [](const std::string& word) {
    return word.starts_with("-t") || word.starts_with("-T");
  };
  if (std::ranges::none_of(channel, says)) channel.insert(channel.begin() + 1, "-T");
}

}  // namespace

Result<PushWords> split_push_words(const Words& words) {
  const auto end = end_of_channel(words);
  if (end == words.end())
    return error(
        "--push needs a second --: before it the command that gives a shell on the test machine, "
        "after it the server command, as in `run --push -- ssh board -- python3 -m subunit_rpc`");
  PushWords parts{.channel = {words.begin(), end}, .serve = {end + 1, words.end()}};
  if (parts.channel.empty())
    return error(
        "--push needs a command before the second --: one that gives a shell on the test "
        "machine, such as `ssh board`");
  if (parts.serve.empty())
    return error("--push needs a server command, or options of serve, after the second --");
  if (!parts.serve.front().starts_with('-')) parts.serve.insert(parts.serve.begin(), "--");
  complete_container_command(parts.channel);
  complete_ssh_command(parts.channel);
  return parts;
}

}  // namespace subunit::push
