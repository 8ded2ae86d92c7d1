#pragma once

#include <optional>
#include <string>
#include <vector>

namespace proxy {

/// Where people keep the options of a project: in its folder, or one above.
inline constexpr const char* kConfigFileName = "subunit-proxy.toml";

/// What a configuration file says of one option.
struct ConfigSetting {
  std::string option;               ///< "--retries"
  std::vector<std::string> values;  ///< as on a command line; of a flag one empty text
  bool is_flag;                     ///< it was true
  std::string origin;               ///< for people: the file, its line, the profile
};

/// Such a file in TOML 1.0 (https://toml.io). Keys at the top are names of options without the
/// dashes, and hold for every run; those in a table profile.NAME hold for runs with this profile,
/// and take the place of the ones at the top. A value is a text, a number, true, false (as if the
/// option were not there), or an array of these for an option that may be repeated.
///
///     channel = ["ssh board1 subunit-proxy serve -- ./tests", "ssh board2 …"]
///     history = "durations.subunit"
///
///     [profile.ci]
///     retries = 2
struct ConfigFile {
  std::string path;
  std::string folder;  ///< that it is in
  std::vector<ConfigSetting> settings;
};

/// The nearest file of that name in the current folder and those above. What it says is executed,
/// so one that another user owns, or others may write, is a UsageError.
[[nodiscard]] std::optional<std::string> find_config_file();

/// Throws a UsageError for what cannot be read, with its line, and for a profile that is not there.
[[nodiscard]] ConfigFile read_config_file(const std::string& path,
                                          const std::optional<std::string>& profile);

}  // namespace proxy
