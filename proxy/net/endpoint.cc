#include "proxy/net/endpoint.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>

#include "common/base/text.h"
#include "proxy/net/resolver.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr int kBacklog = 1024;   // 64 servers, and whoever connects in between
constexpr char kAbstract = '@';  // stands for the zero byte that begins the name of such a socket

std::string reason(int error_number) {
  return std::strerror(error_number);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

/// True if `path` is a socket that refuses connections: left behind by a process that is gone.
bool is_stale_socket(const sockaddr* address, socklen_t size, const char* path) {
  struct stat status {};
  if (::lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), address, size) != 0 && errno == ECONNREFUSED;
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  Endpoint endpoint;
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    auto& address = reinterpret_cast<sockaddr_un&>(endpoint.address_.storage);
    if (path.empty() || path.size() >= sizeof address.sun_path) {
      return error("\"{}\" is not an address: a socket's path has 1 to {} bytes",
                   subunit::escaped(text), sizeof address.sun_path - 1);
    }
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    endpoint.address_.size = sizeof address;
    if (path.front() == kAbstract) {
      address.sun_path[0] = '\0';
      // Here, every byte counts: zeros behind the name would be part of it.
      endpoint.address_.size =
          static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    }
    return endpoint;
  }

  const std::size_t colon = text.rfind(':');
  std::string host(colon == std::string_view::npos ? "127.0.0.1" : text.substr(0, colon));
  const auto port = parse_port(colon == std::string_view::npos ? text : text.substr(colon + 1));
  if (!port || host.empty()) {
    return error("\"{}\" is not an address: HOST:PORT, PORT or unix:PATH is expected",
                 subunit::escaped(text));
  }
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);

  if (const auto address = numeric_address(host)) {
    endpoint.address_ = *address;
  } else if (auto resolved = resolve(host)) {
    endpoint.address_ = *resolved;
  } else {
    return error("cannot resolve the host of \"{}\": {}", subunit::escaped(text),
                 resolved.error().text);
  }
  endpoint.address_.set_port(*port);
  return endpoint;
}

Endpoint Endpoint::of_socket(int fd) {
  Endpoint endpoint;
  endpoint.address_.size = sizeof endpoint.address_.storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&endpoint.address_.storage),
                &endpoint.address_.size);
  return endpoint;
}

std::string Endpoint::text() const {
  if (is_path()) return std::string("unix:") + path();
  if (is_unix()) {
    const std::string_view name(path() + 1, address_.size - offsetof(sockaddr_un, sun_path) - 1);
    return fmt::format("unix:{}{}", kAbstract, name);
  }
  return text_of(address_);
}

Result<Fd> Endpoint::listen() const {
  Fd fd(::socket(address_.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return error("cannot listen on {}: {}", text(), reason(errno));
  mode_t mask = 0;
  if (is_path()) {
    if (is_stale_socket(address_.get(), address_.size, path())) ::unlink(path());
    mask = ::umask(0177);
  } else {
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  const int bound = ::bind(fd.get(), address_.get(), address_.size);
  const int bind_error = errno;
  if (is_path()) ::umask(mask);
  if (bound != 0) {
    const bool taken = bind_error == EADDRINUSE && !is_unix();
    return error("cannot listen on {}: {}{}", text(), reason(bind_error),
                 taken ? " (use port 0 for any free port)" : "");
  }
  if (::listen(fd.get(), kBacklog) != 0)
    return error("cannot listen on {}: {}", text(), reason(errno));
  return fd;
}

bool Endpoint::any_port() const {
  return !is_unix() && address_.port() == 0;
}

std::optional<ino_t> Endpoint::inode() const {
  struct stat status {};
  if (!is_path() || ::lstat(path(), &status) != 0) return std::nullopt;
  return status.st_ino;
}

void Endpoint::remove(ino_t expected) const {
  if (inode() == expected) ::unlink(path());
}

Result<Fd> Endpoint::connect() const {
  Fd fd(::socket(address_.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return error("cannot connect to {}: {}", text(), reason(errno));
  // A full backlog of a unix socket says EAGAIN: as with "refused", trying again is what helps.
  if (::connect(fd.get(), address_.get(), address_.size) != 0 && errno != EINPROGRESS)
    return error("cannot connect to {}: {}", text(), reason(errno));
  set_no_delay(fd.get());
  return fd;
}

Result<> Endpoint::check_route() const {
  // With UDP, connect() looks for the route and does nothing else.
  const Fd probe(::socket(address_.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe || ::connect(probe.get(), address_.get(), address_.size) != 0)
    return error("cannot connect to {}: {}", text(), reason(errno));
  return {};
}

Result<> Endpoint::connect_result(int fd) {
  int status = 0;
  socklen_t size = sizeof status;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &size);
  if (status != 0) return error("{}", reason(status));
  return {};
}

void set_no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace proxy
