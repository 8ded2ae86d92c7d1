#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace subunit {

/// A regular expression in RE2's syntax: Perl's without references to groups and without looking
/// around, so that a search takes time in proportion to the text, whatever the expression is.
///
/// `^` and `$` are the text's begin and end. Expressions and texts are UTF-8; a byte of a text that
/// is not is matched by nothing.
class Regex {
 public:
  /// `what` is what a person knows the expression by: "--match". An Error says what is wrong.
  [[nodiscard]] static Result<Regex> create(std::string_view what, std::string_view expression);

  /// The leftmost match anywhere in `text`, of which it is a part; nothing if there is none.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view text) const;

 private:
  class Engine;
  explicit Regex(std::shared_ptr<const Engine> engine) : engine_(std::move(engine)) {}

  std::shared_ptr<const Engine> engine_;  // it does not change, so copies share it
};

}  // namespace subunit
