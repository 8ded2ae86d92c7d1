#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace proxy {

enum class Format {
  kHuman,    ///< progress, failures, a summary
  kSubunit,  ///< a clean subunit v2 stream
  kIds,      ///< one id a line, for lists
};

/// What `subunit-proxy run` was asked to do.
struct RunOptions {
  bool list = false;                     ///< list instead of run
  std::optional<std::string> load_list;  ///< file with one id a line; "-" is stdin
  std::vector<std::string> match;        ///< keep the ids in which any of these is found
  std::vector<std::string> tests;        ///< ids
  std::vector<std::string> channel;      ///< command whose stdin and stdout are the channel
  bool direct = false;                   ///< a test server at the other end, no proxy
  Format format = Format::kHuman;
  subunit::Time ready_timeout = std::chrono::seconds(30);
  subunit::Time attach_timeout = std::chrono::seconds(60);
  subunit::Time hello_timeout = std::chrono::seconds(10);
};

}  // namespace proxy
