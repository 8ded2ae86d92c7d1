#pragma once

#include <optional>
#include <string>

#include "common/sync/contents.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// What `--sync DIR[:TARGET]` was asked to bring, and to where.
struct TreeOptions {
  std::string folder;                 ///< here
  std::optional<std::string> target;  ///< there
};

/// The files of a folder that git tracks, and new ones that it does not ignore, as they are now;
/// those of submodules and of other repositories within it, too.
class LocalTree {
 public:
  /// An Error if git does not know the folder, or a file cannot be read.
  [[nodiscard]] static subunit::Result<LocalTree> list(const std::string& folder);

  [[nodiscard]] const subunit::sync::Manifest& manifest() const { return manifest_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

  /// A name for it that other trees, and those of other machines, do not have.
  [[nodiscard]] std::string name() const;

  [[nodiscard]] subunit::Result<Fd> open(const subunit::sync::Entry& entry) const;

 private:
  [[nodiscard]] subunit::Result<> add_repository(const std::string& below);
  [[nodiscard]] subunit::Result<> add(const std::string& path);
  [[nodiscard]] std::string path_of(const std::string& path) const { return folder_ + "/" + path; }

  std::string folder_;
  subunit::sync::Manifest manifest_;
};

/// Fills `to` as far as the file goes, and returns how far. An Error names `path`.
[[nodiscard]] subunit::Result<std::size_t> read_piece(int file, std::span<std::uint8_t> to,
                                                      const std::string& path);

}  // namespace proxy
