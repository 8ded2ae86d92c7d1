#pragma once

#include <string>
#include <vector>

namespace proxy {

/// What is in a folder, by name. Nothing if it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::string& folder);

/// Removes a folder and all that is in it, as far as that is possible. Follows no symbolic links.
void remove_folder(const std::string& path);

/// With the current directory before it, unless it is absolute already.
[[nodiscard]] std::string absolute_path(const std::string& path);

/// The file of this program, wherever it was found. Empty if that is not known.
[[nodiscard]] std::string own_path();

}  // namespace proxy
