#include "proxy/sync/target.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/base/text.h"

namespace proxy {

using subunit::Bytes;
using subunit::error;
using subunit::escaped;
using subunit::Result;
using subunit::sync::Entry;
using subunit::sync::KnownTree;
using subunit::sync::kStateFolder;

namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kReading = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

// In the state folder.
constexpr const char* kNew = "new";  // what is written
constexpr const char* kIndex = "index";
constexpr const char* kLock = "lock";

const char* name_of(const std::string& path) {
  return path.c_str() + (path.rfind('/') + 1);  // npos + 1 is 0
}

/// Each folder on the way to `path`, and that itself.
void make_folders(const std::string& path) {
  for (std::size_t at = 1; at <= path.size(); ++at)
    if (at == path.size() || path[at] == '/') ::mkdir(path.substr(0, at).c_str(), 0777);
}

ssize_t read_some(int fd, std::span<std::uint8_t> to) {
  ssize_t size = 0;
  do size = ::read(fd, to.data(), to.size());
  while (size < 0 && errno == EINTR);
  return size;
}

std::uint64_t stamp_of(const struct stat& status) {
  const std::array<std::uint64_t, 7> all = {
      status.st_ino,
      static_cast<std::uint64_t>(status.st_size),
      static_cast<std::uint64_t>(status.st_mode),
      static_cast<std::uint64_t>(status.st_mtim.tv_sec),
      static_cast<std::uint64_t>(status.st_mtim.tv_nsec),
      static_cast<std::uint64_t>(status.st_ctim.tv_sec),
      static_cast<std::uint64_t>(status.st_ctim.tv_nsec),
  };
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(all.data()), sizeof all);
  return subunit::sync::fingerprint(bytes).first | 1;
}

bool has_content(int folder, const Entry& entry) {
  const Fd file(::openat(folder, name_of(entry.path), kReading));
  if (!file) return false;
  subunit::sync::FingerprintBuilder builder;
  std::array<std::uint8_t, std::size_t{16} << 10> bytes;
  for (ssize_t size = 1; size > 0;) {
    size = read_some(file.get(), bytes);
    if (size < 0) return false;
    builder.add(Bytes(bytes).first(static_cast<std::size_t>(size)));
  }
  return builder.finish() == entry.content;
}

bool has_target(int folder, const Entry& entry) {
  std::array<char, subunit::sync::kMaxPath + 1> target;
  const ssize_t size = ::readlinkat(folder, name_of(entry.path), target.data(), target.size());
  return size >= 0 &&
         entry.target == std::string_view(target.data(), static_cast<std::size_t>(size));
}

}  // namespace

tl::unexpected<subunit::Error> Target::problem(const char* doing, const std::string& path) const {
  return error("cannot {} \"{}\" in {}: {}", doing, escaped(path), escaped(path_),
               std::strerror(errno));
}

Result<Target> Target::open(const std::string& path) {
  Target target;
  target.path_ = path;
  make_folders(path);
  target.root_.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string state(kStateFolder);
  if (target.root_) {
    ::mkdirat(target.root_.get(), state.c_str(), 0700);
    target.state_.reset(::openat(target.root_.get(), state.c_str(), kFolder));
  }
  if (target.state_)
    target.lock_.reset(
        ::openat(target.state_.get(), kLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target.lock_)
    return error("cannot make the folder {} and files in it: {} (--sync DIR:TARGET names another)",
                 escaped(path), std::strerror(errno));
  return target;
}

bool Target::lock(bool alone) const {
  return ::flock(lock_.get(), (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0;
}

KnownTree Target::load() const {
  const Fd file(::openat(state_.get(), kIndex, kReading));
  struct stat status;
  if (!file || ::fstat(file.get(), &status) != 0 ||
      status.st_size > static_cast<off_t>(subunit::sync::kMaxManifest) * 2)
    return {};
  subunit::Buffer bytes(static_cast<std::size_t>(status.st_size));
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t size = read_some(file.get(), std::span(bytes).subspan(at));
    if (size <= 0) return {};
    at += static_cast<std::size_t>(size);
  }
  return subunit::sync::parse_known_tree(bytes);
}

Result<> Target::store(const KnownTree& tree) {
  const std::string path = std::string(kStateFolder) + "/" + kIndex;
  if (auto begun = begin_file(path); !begun) return begun;
  if (auto done = write_all(subunit::sync::encode(tree), path); !done) return done;
  file_.reset();
  if (::renameat(state_.get(), kNew, state_.get(), kIndex) != 0) return problem("write", path);
  return {};
}

void Target::leave(std::size_t depth) {
  while (levels_.size() > depth) levels_.pop_back();
}

/// Opens the folder that `path` is in: deepest(). False, and errno says why, if that cannot be.
/// What is no folder and stands in the place of one is removed if one is to be made.
bool Target::descend(const std::string& path, bool make) {
  std::size_t begin = 0;
  std::size_t depth = 0;
  for (std::size_t slash = 0; (slash = path.find('/', begin)) != std::string::npos;
       begin = slash + 1, ++depth) {
    const std::string name = path.substr(begin, slash - begin);
    if (depth < levels_.size() && levels_[depth].name == name) continue;
    leave(depth);
    Fd folder(::openat(deepest(), name.c_str(), kFolder));
    if (!folder && make) {
      if (errno == ENOTDIR || errno == ELOOP) ::unlinkat(deepest(), name.c_str(), 0);
      if (::mkdirat(deepest(), name.c_str(), 0777) != 0) return false;
      folder.reset(::openat(deepest(), name.c_str(), kFolder));
    }
    if (!folder) return false;
    levels_.push_back({name, std::move(folder)});
  }
  leave(depth);
  return true;
}

Target::Found Target::look(const Entry& entry, std::uint64_t known) {
  struct stat status;
  if (!descend(entry.path, false) ||
      ::fstatat(deepest(), name_of(entry.path), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return {};
  const std::uint64_t stamp = stamp_of(status);
  if (stamp == known) return {.content = true, .mode = true, .stamp = stamp};
  Found found;
  if (entry.is_link) {
    found.content = found.mode = S_ISLNK(status.st_mode) && has_target(deepest(), entry);
  } else {
    found.content = S_ISREG(status.st_mode) &&
                    static_cast<std::uint64_t>(status.st_size) == entry.size &&
                    has_content(deepest(), entry);
    found.mode = (status.st_mode & 07777U) == entry.mode;
  }
  if (found.content && found.mode) found.stamp = stamp;
  return found;
}

std::uint64_t Target::stamp(const Entry& entry) {
  struct stat status;
  const bool there = descend(entry.path, false) &&
                     ::fstatat(deepest(), name_of(entry.path), &status, AT_SYMLINK_NOFOLLOW) == 0;
  return there ? stamp_of(status) : 0;
}

Result<> Target::remove(const Entry& entry) {
  if (!descend(entry.path, false)) return {};
  if (::unlinkat(deepest(), name_of(entry.path), 0) != 0 && errno != ENOENT && errno != EISDIR)
    return problem("remove", entry.path);
  while (!levels_.empty()) {
    const std::string name = std::move(levels_.back().name);
    levels_.pop_back();
    if (::unlinkat(deepest(), name.c_str(), AT_REMOVEDIR) != 0) break;
  }
  return {};
}

Result<> Target::set_mode(const Entry& entry) {
  if (!descend(entry.path, false)) return problem("find", entry.path);
  const Fd file(::openat(deepest(), name_of(entry.path), kReading));
  if (!file || ::fchmod(file.get(), entry.mode) != 0)
    return problem("change the permissions of", entry.path);
  return {};
}

Result<> Target::put_link(const Entry& entry) {
  ::unlinkat(state_.get(), kNew, 0);
  if (::symlinkat(entry.target.c_str(), state_.get(), kNew) != 0)
    return problem("make the symbolic link", entry.path);
  return move_in_place(entry.path);
}

Result<> Target::begin_file(const std::string& path) {
  ::unlinkat(state_.get(), kNew, 0);
  file_.reset(::openat(state_.get(), kNew, kNewFile, 0600));
  if (!file_) return problem("write", path);
  written_ = {};
  return {};
}

Result<> Target::write_all(Bytes bytes, const std::string& path) {
  written_.add(bytes);
  while (!bytes.empty()) {
    const ssize_t size = ::write(file_.get(), bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const auto failed = problem("write", path);
      file_.reset();
      ::unlinkat(state_.get(), kNew, 0);
      return failed;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return {};
}

Result<> Target::write(const Entry& entry, Bytes bytes, bool last) {
  if (!file_) {
    if (auto begun = begin_file(entry.path); !begun) return begun;
  }
  if (auto done = write_all(bytes, entry.path); !done || !last) return done;
  const Fd file = std::move(file_);
  if (written_.finish() != entry.content)
    return error("\"{}\" has not arrived as it was sent", escaped(entry.path));
  if (::fchmod(file.get(), entry.mode) != 0) return problem("set the permissions of", entry.path);
  return move_in_place(entry.path);
}

Result<> Target::move_in_place(const std::string& path) {
  if (!descend(path, true)) return problem("make the folder of", path);
  const char* const name = name_of(path);
  if (::renameat(state_.get(), kNew, deepest(), name) == 0) return {};
  // A folder in its place goes if it is empty.
  if (errno != EISDIR) return problem("write", path);
  if (::unlinkat(deepest(), name, AT_REMOVEDIR) != 0)
    return error(
        "cannot write \"{}\" in {}: a folder stands there, with files that --sync has not brought; "
        "remove it on the test machine",
        escaped(path), escaped(path_));
  return ::renameat(state_.get(), kNew, deepest(), name) == 0 ? Result<>() : problem("write", path);
}

Result<> Target::enter() const {
  if (::fchdir(root_.get()) != 0) return problem("change to", ".");
  return {};
}

}  // namespace proxy
