#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cli/options/config_file.h"
#include "proxy/cli/options/option_set.h"

namespace proxy {

/// --config, --profile, --no-config and --show-config of a subcommand, whose other options may
/// stand in a configuration file.
class ConfigOptions {
 public:
  /// `options` is the subcommand's, and lives longer.
  explicit ConfigOptions(OptionSet& options) : options_(options) {}
  ConfigOptions(const ConfigOptions&) = delete;

  /// Adds them. When the command line is parsed, what the file says becomes the value of each
  /// option that is not on it. A relative path in the file begins in the file's folder.
  void add();

  // Once the command line was parsed.

  [[nodiscard]] bool shows() const { return shows_; }
  /// The options in force as a configuration file, with where each comes from, and what the command
  /// line has beside options.
  [[nodiscard]] std::string text(const std::vector<std::string>& tests,
                                 const std::vector<std::string>& command) const;
  /// It is on the command line.
  [[nodiscard]] bool is_own(std::string_view option) const;
  /// Of the file; "" if there is none.
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  void preset();
  [[nodiscard]] const OptionSet::Option* find(std::string_view option) const;
  void make_absolute(ConfigSetting& setting) const;

  OptionSet& options_;
  std::optional<std::string> path_;
  std::optional<std::string> profile_;
  bool none_ = false;
  bool shows_ = false;
  std::string folder_;
};

}  // namespace proxy
