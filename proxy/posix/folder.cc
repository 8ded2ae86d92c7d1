#include "proxy/posix/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <memory>
#include <string_view>

#include "proxy/posix/fd.h"

namespace proxy {
namespace {

std::vector<std::string> names_in(Fd folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(folder.get()), ::closedir);
  if (!stream) return names;
  (void)folder.release();
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

Fd open_folder(int place, const char* name, int flags = 0) {
  return Fd(::openat(place, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
}

void remove(int place, const char* name) {
  if (::unlinkat(place, name, 0) == 0) return;
  const Fd folder = open_folder(place, name, O_NOFOLLOW);
  if (!folder) return;
  for (const std::string& each : names_in(duplicate(folder.get())))
    remove(folder.get(), each.c_str());
  ::unlinkat(place, name, AT_REMOVEDIR);
}

}  // namespace

std::vector<std::string> names_in(const std::string& folder) {
  return names_in(open_folder(AT_FDCWD, folder.c_str()));
}

void remove_folder(const std::string& path) {
  remove(AT_FDCWD, path.c_str());
}

std::string absolute_path(const std::string& path) {
  std::array<char, PATH_MAX> current;
  if (path.starts_with('/') || !::getcwd(current.data(), current.size())) return path;
  return current.data() + ("/" + path);
}

std::string own_path() {
  std::array<char, PATH_MAX> path;
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  return {path.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

}  // namespace proxy
