#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/run/options.h"
#include "proxy/channel/line_options.h"
#include "proxy/posix/log.h"

namespace proxy {

enum class Format {
  kHuman,    ///< progress, failures, a summary
  kSubunit,  ///< a clean subunit v2 stream
  kIds,      ///< one id a line, for lists
};

enum class ColorMode { kAuto, kAlways, kNever };

/// For whom failures are annotated.
enum class Annotate {
  kAuto,    ///< for GitHub, where GITHUB_ACTIONS is set
  kGithub,  ///< commands for GitHub's runner on stderr, and a summary of the step
  kNever,
};

/// A shell command that runs one test in the same place: what stands before its id, and after it.
struct RepeatCommand {
  std::string before, after;
};

/// What `subunit-proxy run` was asked to do: what decides something, and here what that is done
/// with.
struct RunOptions : subunit::run::Options {
  std::vector<std::vector<std::string>> channels;  ///< commands whose stdin and stdout are channels
  LineOptions line;                                ///< of each of them

  std::optional<std::string> load_list;     ///< file with one id a line; "-" is stdin
  std::optional<std::string> history;       ///< file with a subunit stream: durations
  std::optional<std::string> schedule_log;  ///< file to write: what was sent where and when
  std::optional<std::string> replay;        ///< such a file: send the same again

  Format format = Format::kHuman;
  ColorMode color = ColorMode::kAuto;
  bool full_tracebacks = false;  ///< for people: with the frames of test frameworks
  bool live = false;             ///< for people: what tests print while they run
  Annotate annotate = Annotate::kNever;
  std::optional<std::string> trace;  ///< file to write: the run as a Chrome trace
  std::optional<std::string> junit;  ///< file to write: the run as JUnit XML
  bool junit_places = false;         ///< with the files and lines of failures
  std::optional<std::string> html;   ///< file to write: the run as a page
  RepeatCommand again;               ///< for that page
};

/// `subunit-proxy run`: returns the exit status (Runner::exit_status()).
[[nodiscard]] int run(const RunOptions& options, const Log& log);

}  // namespace proxy
