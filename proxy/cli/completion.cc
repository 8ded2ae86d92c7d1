#include "proxy/cli/completion.h"

#include <fmt/core.h>

#include <functional>

#include "common/base/shell_words.h"
#include "proxy/cli/options/shared_options.h"
#include "proxy/cli/program.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

using Option = OptionSet::Option;

/// What can stand where an option's value does.
enum class Value { kNone, kFile, kFolder, kChoice, kOptionalChoice, kOther };

Value value_of(const Option& option) {
  if (!option.label.value) return Value::kNone;
  const std::string_view label = option.label.value;
  if (label[0] == '[') return Value::kOptionalChoice;
  if (!option.choices.empty()) return Value::kChoice;
  if (label == "FILE") return Value::kFile;
  if (label == "DIR") return Value::kFolder;
  return Value::kOther;
}

std::string choices_of(const Option& option) {
  std::string words;
  for (const std::string& choice : option.choices) words += (words.empty() ? "" : " ") + choice;
  return words;
}

/// `visit` gets each subcommand that people use.
void for_each(const Program& program, const std::function<void(const OptionSet&)>& visit) {
  for (const Program::Entry& entry : program.subcommands) {
    const auto subcommand = entry.make(false);
    LogLevel level{};
    add_log_level(subcommand->options(), level);
    if (!subcommand->options().about().hidden) visit(subcommand->options());
  }
}

/// `visit` gets each option that is in the help.
void for_each(const OptionSet& options, const std::function<void(const Option&)>& visit) {
  for (const Option& option : options.options())
    if (!option.hidden) visit(option);
}

constexpr const char* kHead =
    "# Completion of subunit-proxy, from `subunit-proxy completion {}`.\n";

std::string fish_quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

/// An option for zsh's _arguments.
std::string zsh_argument(const Option& option) {
  std::string help;
  for (const char c : option.label.help) {
    if (c == '[' || c == ']' || c == '\\') help += '\\';
    help += c;
  }
  const std::string start = option.repeatable ? "*" : "";
  const auto argument = [&](std::string_view separator, std::string_view value) {
    return subunit::shell_quote(
        fmt::format("{}{}{}[{}]{}", start, option.label.name, separator, help, value));
  };
  const std::string message = option.label.value ? fmt::format(":{}:", option.label.value) : "";
  switch (value_of(option)) {
    case Value::kNone:
      return argument("", "");
    case Value::kFile:
      return argument("=", message + "_files");
    case Value::kFolder:
      return argument("=", message + "_files -/");
    case Value::kChoice:
      return argument("=", fmt::format("{}({})", message, choices_of(option)));
    case Value::kOptionalChoice:
      return argument("=-", fmt::format("::value:({})", choices_of(option)));
    case Value::kOther:
      break;
  }
  return argument("=", message + " ");
}

std::string fish_argument(const Option& option) {
  switch (value_of(option)) {
    case Value::kNone:
    case Value::kOptionalChoice:
      return "";
    case Value::kFile:
      return " -r -F";
    case Value::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case Value::kChoice:
      return " -x -a " + fish_quote(choices_of(option));
    case Value::kOther:
      break;
  }
  return " -x";
}

}  // namespace

std::string bash_completion(const Program& program) {
  std::string subcommands, cases;
  for_each(program, [&](const OptionSet& options) {
    const char* const name = options.about().name;
    subcommands += fmt::format("{} ", name);
    std::string flags, values;
    for_each(options, [&](const Option& option) {
      flags += fmt::format(" {}", option.label.name);
      const std::string choice = fmt::format("choices='{}'", choices_of(option));
      const Value kind = value_of(option);
      if (kind == Value::kNone) return;
      values += fmt::format("        {}) {} ;;\n", option.label.name,
                            kind == Value::kFile             ? "kind=file"
                            : kind == Value::kFolder         ? "kind=directory"
                            : kind == Value::kChoice         ? choice
                            : kind == Value::kOptionalChoice ? "[[ ! $equals ]] || " + choice
                                                             : "kind=unknown");
    });
    cases +=
        fmt::format("    {})\n      options='--help{}'\n      case $previous in\n{}      esac ;;\n",
                    name, flags, values);
  });
  return fmt::format(kHead, "bash") + R"(_subunit_proxy() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local equals='' kind='' choices='' options='' at
  COMPREPLY=()
  # "--format=hu" is three words here.
  if [[ $current == = ]]; then
    equals=yes current=''
  elif [[ $previous == = ]]; then
    equals=yes previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ ${COMP_WORDS[at]} == -- ]] || continue
    # A command.
    if declare -F _command_offset >/dev/null; then
      _command_offset $((at + 1))
    elif ((at == COMP_CWORD - 1)); then
      mapfile -t COMPREPLY < <(compgen -A command -A file -- "$current")
    else
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -A file -- "$current")
    fi
    return
  done
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W ')" +
         subcommands + R"(--version --help' -- "$current")
    return
  fi
  case ${COMP_WORDS[1]} in
)" + cases +
         R"(  esac
  case $kind in
    unknown) ;;
    file | directory)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -A "$kind" -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "${choices:-$options --}" -- "$current") ;;
  esac
}
complete -F _subunit_proxy subunit-proxy
)";
}

std::string zsh_completion(const Program& program) {
  std::string subcommands, cases;
  for_each(program, [&](const OptionSet& options) {
    const auto& [name, description, usage, footer, hidden] = options.about();
    subcommands +=
        fmt::format("    {}\n", subunit::shell_quote(fmt::format("{}:{}", name, description)));
    cases += fmt::format("    {})\n      arguments=(\n", name);
    for_each(options, [&](const Option& option) {
      cases += fmt::format("        {}\n", zsh_argument(option));
    });
    cases += "      ) ;;\n";
  });
  return "#compdef subunit-proxy\n" + fmt::format(kHead, "zsh") + R"(_subunit_proxy() {
  local -a subcommands arguments
  local -i dashes=${words[(i)--]}
  if ((dashes < CURRENT)); then
    # A command.
    shift dashes words
    ((CURRENT -= dashes))
    _normal
    return
  fi
  subcommands=(
)" + subcommands +
         R"(  )
  if ((CURRENT == 2)); then
    _describe -t subcommands subcommand subcommands
    _arguments '--version[print the version]' '--help[print this help]'
    return
  fi
  case $words[2] in
)" + cases +
         R"(  esac
  shift words
  ((CURRENT--))
  _arguments '(- *)--help[print this help]' $arguments
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _subunit_proxy "$@"
else
  compdef _subunit_proxy subunit-proxy
fi
)";
}

std::string fish_completion(const Program& program) {
  std::string text = fmt::format(kHead, "fish") + R"(function __subunit_proxy_at
    set -l words (commandline -opc)
    not contains -- -- $words; and test (count $words) -ge 2; and test $words[2] = $argv[1]
end
function __subunit_proxy_first
    test (count (commandline -opc)) -eq 1
end
function __subunit_proxy_command
    set -l words (commandline -opc)
    set -l dashes (contains -i -- -- $words)
    and complete -C (string join ' ' -- (string escape -- $words[(math $dashes + 1)..]) (commandline -ct))
end
complete -c subunit-proxy -f
complete -c subunit-proxy -n 'contains -- -- (commandline -opc)' -a '(__subunit_proxy_command)'
complete -c subunit-proxy -n __subunit_proxy_first -l version -d 'print the version'
complete -c subunit-proxy -n 'not contains -- -- (commandline -opc)' -l help -s h -d 'print this help'
)";
  for_each(program, [&](const OptionSet& options) {
    const OptionSet::Text& about = options.about();
    text += fmt::format("complete -c subunit-proxy -n __subunit_proxy_first -a {} -d {}\n",
                        about.name, fish_quote(about.description));
    for_each(options, [&](const Option& option) {
      const auto add = [&](const std::string& what) {
        text += fmt::format("complete -c subunit-proxy -n '__subunit_proxy_at {}' {} -d {}\n",
                            about.name, what, fish_quote(option.label.help));
      };
      const std::string_view name = option.label.name;
      add(fmt::format("-l {}{}", name.substr(2), fish_argument(option)));
      if (value_of(option) == Value::kOptionalChoice)
        for (const std::string& choice : option.choices) add(fmt::format("-a {}={}", name, choice));
    });
  });
  return text;
}

}  // namespace proxy
