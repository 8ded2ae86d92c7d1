#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace subunit {

/// What the section [DEFAULT] of a file says to Python's configparser.ConfigParser(), which is what
/// testr and stestr read their configuration with: `name = value` or `name: value`, lines indented
/// deeper than the name go on with the value, # and ; begin a comment only at the beginning of a
/// line, names are told apart without case, %(name)s stands for another value and %% for %.
///
/// Spaces and lower case are those of ASCII here, those of Unicode there.
class PythonConfig {
 public:
  /// An Error, which shows the line, where Python has one. (Python also has one for the same name
  /// twice in other sections.)
  [[nodiscard]] static Result<PythonConfig> parse(std::string_view text);

  /// The value, lines separated by line feeds; nothing if the file does not have it. An Error for a
  /// % that means nothing.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view name) const;

  static constexpr std::size_t kMaxValue = 1 << 20;  // values that name others may multiply

 private:
  [[nodiscard]] Result<> interpolate(std::string_view value, int depth, std::string& out) const;

  std::map<std::string, std::string, std::less<>> values_;  // as they stand in the file
};

}  // namespace subunit
