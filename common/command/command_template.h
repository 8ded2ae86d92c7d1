#pragma once

#include <span>
#include <string>
#include <string_view>

#include "../base/result.h"

namespace subunit::command {

/// A shell command that lists or runs tests, as testr has it in .testr.conf, section "test_command"
/// of testrepository's manual. These words are replaced wherever they stand, even within longer
/// ones, and before the shell sees them:
///
///   $LISTOPT   the list option, where tests are to be listed and not run
///   $IDOPTION  the id option, with $IDFILE and $IDLIST replaced in it, where some tests are to run
///   $IDFILE    the path of a file with their ids, one a line
///   $IDLIST    their ids as words; quoted, so that those with spaces and quotes are kept
///
/// Where a word has nothing to say it becomes nothing: where tests are listed, all but $LISTOPT;
/// where all run, each of them.
class CommandTemplate {
 public:
  struct Text {
    std::string command;
    std::string list_option = "--list";
    std::string id_option = "--load-list $IDFILE";
  };

  /// An Error, which says what to add, for a text with which tests cannot be listed, or for which
  /// all would run where some are asked for.
  [[nodiscard]] static Result<CommandTemplate> parse(Text text);

  [[nodiscard]] std::string list() const;
  [[nodiscard]] std::string run_all() const;
  /// `ids` have no NUL, and `id_file` names a file that has them.
  [[nodiscard]] std::string run(std::span<const std::string> ids, std::string_view id_file) const;

  /// Whether run() names its file. No id in it may have a line feed.
  [[nodiscard]] bool uses_id_file() const;

 private:
  explicit CommandTemplate(Text text) : text_(std::move(text)) {}

  Text text_;
};

}  // namespace subunit::command
