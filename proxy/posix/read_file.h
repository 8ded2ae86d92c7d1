#pragma once

#include <string>

#include "common/base/result.h"

namespace proxy {

/// All of a file, or of stdin for "-", of at most `most` bytes. `what` names it for people: "the
/// schedule". An Error says that it cannot be read, and why, or that it is larger.
[[nodiscard]] subunit::Result<std::string> read_file(const char* what, const std::string& path,
                                                     std::size_t most);

}  // namespace proxy
