#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace proxy {

/// A folder for files that a command reads, in TMPDIR or /tmp, of this user alone. It goes, with
/// all that is in it, when this does.
class TemporaryFolder {
 public:
  [[nodiscard]] static subunit::Result<TemporaryFolder> create();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::string& path() const { return path_; }

  /// Returns the path of the file, which takes the place of one of the same name.
  [[nodiscard]] subunit::Result<std::string> write(std::string_view name,
                                                   std::string_view content) const;

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty: another one has it
};

}  // namespace proxy
