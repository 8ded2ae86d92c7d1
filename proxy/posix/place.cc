#include "proxy/posix/place.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "common/base/text.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr int kMaxLinks = 40;  // as the kernel has it
constexpr int kSearch = O_PATH | O_NOFOLLOW | O_CLOEXEC;

tl::unexpected<subunit::Error> system_error() {
  return error("{}", std::strerror(errno));
}

bool is_in_proc(int folder) {
  struct statfs system {};
  return ::fstatfs(folder, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

bool is_ours(uid_t owner) {
  return owner == ::geteuid() || owner == 0;
}

/// What the link holds. `link` was opened with O_PATH.
Result<std::string> read_link(int link) {
  std::array<char, PATH_MAX> text;
  const ssize_t size = ::readlinkat(link, "", text.data(), text.size());
  if (size < 0) return system_error();
  return std::string(text.data(), static_cast<std::size_t>(size));
}

}  // namespace

bool is_shared(int folder) {
  struct stat status {};
  return ::fstat(folder, &status) != 0 || !is_ours(status.st_uid) ||
         (status.st_mode & (S_IWGRP | S_IWOTH));
}

Result<Place> find_place(const std::string& path) {
  std::string rest = path;
  Place place{.folder = Fd(::open(".", kSearch)), .name = {}};
  for (int links = 0;;) {
    if (rest.starts_with('/')) {
      place.folder = Fd(::open("/", kSearch));
      rest.erase(0, rest.find_first_not_of('/'));
    }
    if (!place.folder) return system_error();
    const std::size_t slash = rest.find('/');
    const bool is_last = slash == rest.npos;
    place.name = rest.substr(0, slash);
    if (place.name.empty()) place.name = ".";  // the path ends in a slash
    Fd next(::openat(place.folder.get(), place.name.c_str(), kSearch));
    if (!next && is_last && errno == ENOENT) return place;
    struct stat status {};
    if (!next || ::fstat(next.get(), &status) != 0) return system_error();
    if (S_ISLNK(status.st_mode)) {
      place.is_magic = is_last && is_in_proc(place.folder.get());
      if (place.is_magic) return place;
      if (++links > kMaxLinks) return error("{}", std::strerror(ELOOP));
      if (!is_ours(status.st_uid) && is_shared(place.folder.get()))
        return error(
            "the symbolic link \"{}\" belongs to another user (number {}), in a folder where "
            "others can write",
            subunit::escaped(place.name), status.st_uid);
      const auto text = read_link(next.get());
      if (!text) return tl::unexpected(text.error());
      rest = *text + (is_last ? "" : rest.substr(slash));
      continue;
    }
    if (is_last) return place;
    rest.erase(0, std::min(rest.size(), rest.find_first_not_of('/', slash)));
    place.folder = std::move(next);
    if (rest.empty()) rest = ".";
  }
}

}  // namespace proxy
