#include "proxy/net/listener.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/posix/folder.h"
#include "proxy/posix/token.h"

namespace proxy {

using subunit::Result;

namespace {

std::vector<std::string> temporary_places() {
  std::vector<std::string> places;
  for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR"}) {
    const char* const value = std::getenv(name);
    if (value && *value == '/') places.emplace_back(value);  // servers may run in another folder
  }
  places.insert(places.end(), {"/tmp", "/dev/shm", "/run"});
  return places;
}

/// Nobody but this user and root can rename what is ours there.
bool is_safe(const std::string& place) {
  struct stat status {};
  if (::stat(place.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return false;
  const bool shared = status.st_mode & (S_IWGRP | S_IWOTH);
  return (status.st_uid == 0 || status.st_uid == ::geteuid()) &&
         (!shared || status.st_mode & S_ISVTX);
}

constexpr std::string_view kFolder = "subunit-proxy-";
constexpr std::string_view kSocket = "rpc";
// A folder is locked moments after it was made.
constexpr std::time_t kMinAge = 60;

/// A lock that ends with the process that has it; no descriptor if another process has it.
Fd lock(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

/// Removes the folders of processes that were killed before they could do so.
void remove_abandoned(const std::string& place) {
  for (const std::string& name : names_in(place)) {
    const std::string folder = fmt::format("{}/{}", place, name);
    if (!name.starts_with(kFolder)) continue;
    struct stat status {};
    if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != ::geteuid() || std::time(nullptr) - status.st_mtime < kMinAge)
      continue;
    const std::string socket = fmt::format("{}/{}", folder, kSocket);
    if (::lstat(socket.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) continue;
    if (!lock(folder)) continue;
    ::unlink(socket.c_str());
    ::rmdir(folder.c_str());
  }
}

}  // namespace

Listener::Listener(Fd fd, std::string folder)
    : fd_(std::move(fd)),
      endpoint_(Endpoint::of_socket(fd_.get())),
      address_(endpoint_.text()),
      file_(endpoint_.inode()),
      folder_(std::move(folder)) {}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)),
      endpoint_(other.endpoint_),
      address_(std::move(other.address_)),
      file_(std::exchange(other.file_, std::nullopt)),
      folder_(std::exchange(other.folder_, "")),
      lock_(std::move(other.lock_)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(endpoint_, other.endpoint_);
  std::swap(address_, other.address_);
  std::swap(file_, other.file_);
  std::swap(folder_, other.folder_);
  std::swap(lock_, other.lock_);
  return *this;
}

Result<Listener> Listener::open(const Endpoint& endpoint) {
  auto fd = endpoint.listen();
  if (!fd) return tl::unexpected(fd.error());
  return Listener(std::move(*fd), "");
}

Result<Listener> Listener::open_private() {
  for (const std::string& place : temporary_places()) {
    std::string folder = fmt::format("{}/{}XXXXXX", place, kFolder);  // as mkdtemp(3) wants it
    if (!is_safe(place)) continue;
    remove_abandoned(place);
    if (!::mkdtemp(folder.data())) continue;
    const auto endpoint = Endpoint::parse(fmt::format("unix:{}/{}", folder, kSocket));
    auto fd = endpoint ? endpoint->listen() : tl::unexpected(endpoint.error());
    if (fd) {
      Listener listener(std::move(*fd), std::move(folder));
      listener.lock_ = lock(listener.folder_);
      return listener;
    }
    ::rmdir(folder.c_str());
  }
  const auto endpoint = Endpoint::parse("unix:@subunit-proxy-" + random_token());
  if (!endpoint) return tl::unexpected(endpoint.error());
  return open(*endpoint);
}

Fd Listener::accept() const {
  return Fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

void Listener::close() {
  fd_.reset();
  if (file_) endpoint_.remove(*file_);
  file_.reset();
  if (!folder_.empty()) ::rmdir(folder_.c_str());
  folder_.clear();
  lock_.reset();
}

}  // namespace proxy
