#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/sync/known_tree.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// The folder that a tree is brought to.
///
/// Nothing outside of it is read or written, whatever is in it: each folder on the way is opened by
/// its name in the one above, and none that is a symbolic link. A file is written in a folder of
/// our own, kStateFolder, and moved to its place once it is whole.
class Target {
 public:
  /// Makes it, if need be.
  [[nodiscard]] static subunit::Result<Target> open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }

  /// For us alone, or with others who do not change it: until this process ends. False if that
  /// cannot be now.
  [[nodiscard]] bool lock(bool alone) const;

  /// What was kept by store().
  [[nodiscard]] subunit::sync::KnownTree load() const;
  [[nodiscard]] subunit::Result<> store(const subunit::sync::KnownTree& tree);

  struct Found {
    bool content = false;     ///< as it should be
    bool mode = false;        ///< and so are the permissions
    std::uint64_t stamp = 0;  ///< of it; 0 unless all is as it should be
  };
  /// Looks whether `entry` is there: at its stamp, if that is the known one, or else at all of it.
  [[nodiscard]] Found look(const subunit::sync::Entry& entry, std::uint64_t known);
  /// Of what is there, whatever it is.
  [[nodiscard]] std::uint64_t stamp(const subunit::sync::Entry& entry);

  /// Removes a file or a link, and the folders that are empty then.
  [[nodiscard]] subunit::Result<> remove(const subunit::sync::Entry& entry);
  [[nodiscard]] subunit::Result<> set_mode(const subunit::sync::Entry& entry);
  [[nodiscard]] subunit::Result<> put_link(const subunit::sync::Entry& entry);

  /// A file: `last` ends it, and it is moved to its place.
  [[nodiscard]] subunit::Result<> write(const subunit::sync::Entry& entry, subunit::Bytes bytes,
                                        bool last);

  /// Makes it the current folder.
  [[nodiscard]] subunit::Result<> enter() const;

 private:
  struct Level {
    std::string name;
    Fd folder;
  };

  [[nodiscard]] int deepest() const {
    return levels_.empty() ? root_.get() : levels_.back().folder.get();
  }
  void leave(std::size_t depth);
  [[nodiscard]] bool descend(const std::string& path, bool make);
  [[nodiscard]] subunit::Result<> write_all(subunit::Bytes bytes, const std::string& path);
  [[nodiscard]] subunit::Result<> begin_file(const std::string& path);
  [[nodiscard]] subunit::Result<> move_in_place(const std::string& path);
  [[nodiscard]] tl::unexpected<subunit::Error> problem(const char* doing,
                                                       const std::string& path) const;

  std::string path_;
  Fd root_;
  Fd state_;  // the folder
  Fd lock_;
  std::vector<Level> levels_;  // open folders on the way to the last path
  Fd file_;                    // that is being written
  subunit::sync::FingerprintBuilder written_;
};

}  // namespace proxy
