#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "proxy/channel/line_options.h"

namespace proxy {

enum class Format {
  kHuman,    ///< progress, failures, a summary
  kSubunit,  ///< a clean subunit v2 stream
  kIds,      ///< one id a line, for lists
};

enum class Color { kAuto, kAlways, kNever };

/// What the exit status of a run stands for.
enum class Verdict {
  kOfTests,   ///< 1 if a test failed
  kOfStream,  ///< 0 if the stream is complete, whatever the verdicts in it: the convention of testr
};

/// What `subunit-proxy run` was asked to do.
struct RunOptions {
  // Which tests.
  bool list = false;                     ///< list instead of run
  std::optional<std::string> load_list;  ///< file with one id a line; "-" is stdin
  std::vector<std::string> match;        ///< keep the ids in which any of these is found
  std::vector<std::string> tests;        ///< ids

  // Where.
  std::vector<std::vector<std::string>> channels;  ///< commands whose stdin and stdout are channels
  bool direct = false;                             ///< a test server at the other end, no proxy
  LineOptions line;                                ///< of each of them

  // In which order.
  bool suite_order = false;                 ///< the names are a set; the server's list orders them
  bool keep_order = false;                  ///< as given, whatever the history says
  std::optional<std::string> group;         ///< ids with the same match of this are one unit
  bool isolated = false;                    ///< each test in a server of its own
  std::optional<std::string> history;       ///< file with a subunit stream: durations
  std::optional<std::string> schedule_log;  ///< file to write: what was sent where and when
  std::optional<std::string> replay;        ///< such a file: send the same again

  // What comes out.
  Format format = Format::kHuman;
  Color color = Color::kAuto;
  std::optional<std::string> trace;  ///< file to write: the run as a Chrome trace
  Verdict verdict = Verdict::kOfTests;

  // How long.
  subunit::Time ready_timeout = std::chrono::seconds(30);
  subunit::Time attach_timeout = std::chrono::seconds(60);
  subunit::Time hello_timeout = std::chrono::seconds(10);
  std::optional<subunit::Time> test_timeout;
  std::optional<subunit::Time> slow;  ///< name a test that takes longer, while it runs
};

}  // namespace proxy
