#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/shell_words.h"
#include "proxy/cli/options/config_options.h"
#include "proxy/cli/options/option_set.h"

namespace proxy {

/// The commands of a run's channels: one after `--`, or any number of them by `--channel` and
/// `--channels-from`, on the command line or in a configuration file.
class ChannelWords {
 public:
  /// Both are the subcommand's, and live longer.
  ChannelWords(OptionSet& options, const ConfigOptions& config)
      : options_(options), config_(config) {}
  ChannelWords(const ChannelWords&) = delete;

  /// Adds the options.
  void add();

  // Once the command line was parsed. `command`: what it has after `--`.

  /// The command line itself names a channel, which takes the place of those in a configuration
  /// file.
  [[nodiscard]] bool are_own(const subunit::Words& command) const;
  /// All of them. `before`: the words before `--`, which are ids of tests, or should be. Throws
  /// UsageError.
  [[nodiscard]] std::vector<subunit::Words> take(const subunit::Words& before,
                                                 subunit::Words command);

 private:
  void add_channel(const std::string& text);

  OptionSet& options_;
  const ConfigOptions& config_;
  std::vector<subunit::Words> channels_;
  std::optional<std::string> list_;  // the name of a file
};

}  // namespace proxy
