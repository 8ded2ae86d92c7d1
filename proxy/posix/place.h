#pragma once

#include <string>

#include "common/base/result.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// Where a file is, or is to be made: its folder and its name there.
///
/// Whoever can write to a folder can put a symbolic link in the place of a file that is written
/// there, and so have another file written, one that is not his. (The kernel's protected_symlinks
/// prevents that in folders like /tmp, and in no others.) The folder stays what it is when somebody
/// replaces a part of the path later.
struct Place {
  Fd folder;         ///< O_PATH
  std::string name;  ///< of a file, or of nothing, but not of a symbolic link that may be followed
  bool is_magic = false;  ///< the name of a descriptor in /proc: to be followed after all
};

/// Follows the symbolic links of a path. An Error says why that is not possible; it is one, too, if
/// a link belongs neither to this user nor to root, in a folder where others can write.
[[nodiscard]] subunit::Result<Place> find_place(const std::string& path);

/// Whether others than this user and root can write to a folder, or allow it.
[[nodiscard]] bool is_shared(int folder);

}  // namespace proxy
