#include "common/command/command_template.h"

#include <algorithm>

#include "common/base/shell_words.h"

namespace subunit::command {
namespace {

constexpr std::string_view kListOption = "$LISTOPT";
constexpr std::string_view kIdOption = "$IDOPTION";
constexpr std::string_view kIdFile = "$IDFILE";
constexpr std::string_view kIdList = "$IDLIST";

/// What stands for each of the words.
struct Words {
  std::string_view list_option = {};
  std::string_view id_option = {};
  std::string_view id_file = {};
  std::string_view id_list = {};
};

/// What comes in is not looked at again: an id may contain one of the words.
std::string replace_words(std::string_view text, const Words& words) {
  const std::pair<std::string_view, std::string_view> table[] = {{kListOption, words.list_option},
                                                                 {kIdOption, words.id_option},
                                                                 {kIdFile, words.id_file},
                                                                 {kIdList, words.id_list}};
  std::string result;
  while (!text.empty()) {
    const auto found = std::ranges::find_if(
        table, [text](const auto& row) { return text.starts_with(row.first); });
    if (found != std::end(table)) {
      result += found->second;
      text.remove_prefix(found->first.size());
    } else {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

bool has(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

bool has_ids(const std::string& text) {
  return has(text, kIdFile) || has(text, kIdList);
}

}  // namespace

Result<CommandTemplate> CommandTemplate::parse(Text text) {
  if (!has(text.command, kListOption)) {
    return error(
        "the test command \"{}\" cannot list its tests: add $LISTOPT, which stands for its list "
        "option (\"{}\")",
        text.command, text.list_option);
  }
  if (text.list_option.find_first_not_of(' ') == std::string::npos)
    return error(
        "with an empty list option, the command would run the tests instead of listing them");
  if (!has(text.command, kIdOption) && !has_ids(text.command)) {
    return error(
        "the test command \"{}\" would always run all of its tests: add $IDOPTION, which "
        "stands for its option to select tests (\"{}\"), or $IDFILE or $IDLIST",
        text.command, text.id_option);
  }
  if (!has_ids(text.command) && !has_ids(text.id_option)) {
    return error(
        "the id option \"{}\" does not tell the command which tests to run: add $IDFILE or $IDLIST",
        text.id_option);
  }
  return CommandTemplate(std::move(text));
}

std::string CommandTemplate::list() const {
  return replace_words(text_.command, {.list_option = text_.list_option});
}

std::string CommandTemplate::run_all() const {
  return replace_words(text_.command, {});
}

std::string CommandTemplate::run(std::span<const std::string> ids, std::string_view id_file) const {
  const std::string file = shell_quote(id_file);
  std::string list;
  for (const std::string& id : ids) {
    if (!list.empty()) list += ' ';
    list += shell_quote(id);
  }
  const std::string id_option = replace_words(text_.id_option, {.id_file = file, .id_list = list});
  return replace_words(text_.command, {.id_option = id_option, .id_file = file, .id_list = list});
}

bool CommandTemplate::uses_id_file() const {
  return has(text_.command, kIdFile) ||
         (has(text_.command, kIdOption) && has(text_.id_option, kIdFile));
}

}  // namespace subunit::command
