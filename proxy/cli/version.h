#pragma once

#include <string_view>

namespace proxy {

/// "0.2.0"
extern const std::string_view kVersion;

/// The commit of which this program was built, "a1b2c3d4e5f6", and "+" behind it if files were
/// changed. Empty if that was not known.
extern const std::string_view kRevision;

}  // namespace proxy
