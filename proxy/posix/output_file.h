#pragma once

#include <optional>
#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "proxy/posix/fd.h"
#include "proxy/posix/place.h"

namespace proxy {

/// Opens a file that is written during a run, and empties it, or a pipe or device. `what` names it
/// for people: "the trace". A named pipe that nobody opens for reading is an Error after two
/// seconds: it could not be written to. Links are followed as by find_place().
[[nodiscard]] subunit::Result<Fd> open_output(const char* what, const std::string& path);

/// Writes to a file, or to a pipe or device for as long as that takes.
[[nodiscard]] subunit::Result<> write_all(int fd, subunit::Bytes bytes);

/// A file that takes the place of another one, or of none, once it is complete.
class ReplacementFile {
 public:
  /// Nothing if what is there is no regular file, and so not to be replaced. Links are followed as
  /// by find_place(). An Error if there is no place for a new file.
  [[nodiscard]] static subunit::Result<std::optional<ReplacementFile>> create(
      const std::string& path);

  ReplacementFile(ReplacementFile&& other) noexcept
      : place_(std::move(other.place_)),
        name_(std::exchange(other.name_, "")),
        fd_(std::move(other.fd_)) {}
  ReplacementFile& operator=(ReplacementFile&&) = delete;
  /// Without commit(), nothing has happened.
  ~ReplacementFile();

  /// Appends to the new file.
  [[nodiscard]] subunit::Result<> write(subunit::Bytes bytes) {
    return write_all(fd_.get(), bytes);
  }

  /// Puts it in place, with the permissions of what was there.
  [[nodiscard]] subunit::Result<> commit();

 private:
  ReplacementFile(Place place, std::string name, Fd fd)
      : place_(std::move(place)), name_(std::move(name)), fd_(std::move(fd)) {}

  Place place_;
  std::string name_;  // of the new file; empty: it is in place, or somebody else has it
  Fd fd_;
};

}  // namespace proxy
