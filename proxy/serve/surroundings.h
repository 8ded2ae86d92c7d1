#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace proxy {

/// What test servers find around them, where a shell would have to be told otherwise.
struct Surroundings {
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<std::string> folder;  ///< to run in
  std::optional<std::string> venv;    ///< a Python virtual environment, as if it was activated
  /// The Python package is within this program's file, as an archive at its end (PushPlan): that is
  /// put in front of PYTHONPATH.
  bool python_within = false;

  /// Makes them this process's own, which those that it starts inherit. A relative `venv` is one
  /// below `folder`. An Error if there is no such folder, or no Python in `venv`.
  [[nodiscard]] subunit::Result<> enter() const;
};

}  // namespace proxy
