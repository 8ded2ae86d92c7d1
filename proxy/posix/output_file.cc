#include "proxy/posix/output_file.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "common/base/text.h"
#include "proxy/posix/token.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

// A shell starts both ends of a named pipe at once.
constexpr auto kReaderTimeout = std::chrono::seconds(2);
constexpr int kReaderPoll = 20;  // milliseconds

bool is_named_pipe(const Place& place) {
  struct stat status {};
  return ::fstatat(place.folder.get(), place.name.c_str(), &status, 0) == 0 &&
         S_ISFIFO(status.st_mode);
}

/// Another name of a file may be in a folder where only we can write.
bool has_other_names(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink > 1;
}

Result<Fd> open_at(const Place& place) {
  const auto end = std::chrono::steady_clock::now() + kReaderTimeout;
  // Without O_NONBLOCK, this would wait for the reader of a named pipe.
  const int flags =
      O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (place.is_magic ? 0 : O_NOFOLLOW);
  for (;;) {
    Fd fd(::openat(place.folder.get(), place.name.c_str(), flags, 0666));
    if (fd) return fd;
    const int why = errno;
    const bool unread = why == ENXIO && is_named_pipe(place);
    if (!unread) return error("{}", std::strerror(why));
    if (std::chrono::steady_clock::now() >= end)
      return error("it is a named pipe, and nobody has opened it for reading");
    ::poll(nullptr, 0, kReaderPoll);
  }
}

Result<Fd> open_emptied(Place place) {
  auto fd = open_at(place);
  if (!fd) return fd;
  if (has_other_names(fd->get()) && is_shared(place.folder.get()))
    return error("it has another name elsewhere (a hard link), and others can write to its folder");
  // What has no length stays as it is.
  if (::ftruncate(fd->get(), 0) != 0 && errno != EINVAL) return error("{}", std::strerror(errno));
  return fd;
}

}  // namespace

Result<Fd> open_output(const char* what, const std::string& path) {
  auto fd = find_place(path).and_then(open_emptied);
  if (fd) return fd;
  return error("cannot write {} \"{}\": {}", what, subunit::escaped(path), fd.error().text);
}

Result<> write_all(int fd, subunit::Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return error("{}", std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::optional<ReplacementFile>> ReplacementFile::create(const std::string& path) {
  auto place = find_place(path);
  if (!place) return tl::unexpected(place.error());
  const int folder = place->folder.get();
  struct stat there {};
  const bool exists = ::fstatat(folder, place->name.c_str(), &there,
                                place->is_magic ? 0 : AT_SYMLINK_NOFOLLOW) == 0;
  if (place->is_magic || (exists && !S_ISREG(there.st_mode))) return std::nullopt;
  std::string name = fmt::format("{}.{}", place->name, random_token().substr(0, 8));
  Fd fd(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return error("{}", std::strerror(errno));
  return ReplacementFile(std::move(*place), std::move(name), std::move(fd));
}

ReplacementFile::~ReplacementFile() {
  if (!name_.empty()) ::unlinkat(place_.folder.get(), name_.c_str(), 0);
}

Result<> ReplacementFile::commit() {
  const int folder = place_.folder.get();
  struct stat before {};
  const bool exists = ::fstatat(folder, place_.name.c_str(), &before, AT_SYMLINK_NOFOLLOW) == 0;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(fd_.get(), exists && S_ISREG(before.st_mode) ? before.st_mode & 0777 : 0666 & ~mask);
  if (::fsync(fd_.get()) != 0 ||
      ::renameat(folder, name_.c_str(), folder, place_.name.c_str()) != 0)
    return error("{}", std::strerror(errno));
  name_.clear();
  return {};
}

}  // namespace proxy
