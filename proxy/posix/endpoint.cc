#include "proxy/posix/endpoint.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/text.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr int kBacklog = 64;
constexpr char kAbstract = '@';  // stands for the zero byte that begins the name of such a socket

std::string reason(int error_number) {
  return std::strerror(error_number);
}

Result<std::string> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size())
    return error("\"{}\" is not a port number (0 to 65535)", subunit::escaped(text));
  return std::string(text);
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
    auto& address = reinterpret_cast<sockaddr_un&>(endpoint.address_);
    if (path.empty() || path.size() >= sizeof address.sun_path) {
      return error("\"{}\" is not an address: a socket's path has 1 to {} bytes",
                   subunit::escaped(text), sizeof address.sun_path - 1);
    }
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    endpoint.size_ = sizeof address;
    if (path.front() == kAbstract) {
      address.sun_path[0] = '\0';
      // Here, every byte counts: zeros behind the name would be part of it.
      endpoint.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
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

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int status = ::getaddrinfo(host.c_str(), port->c_str(), &hints, &found)) {
    return error("cannot resolve the host of \"{}\": {}", subunit::escaped(text),
                 ::gai_strerror(status));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::memcpy(&endpoint.address_, found->ai_addr, found->ai_addrlen);
  endpoint.size_ = found->ai_addrlen;
  return endpoint;
}

Endpoint Endpoint::of_socket(int fd) {
  Endpoint endpoint;
  endpoint.size_ = sizeof endpoint.address_;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&endpoint.address_), &endpoint.size_);
  return endpoint;
}

std::string Endpoint::text() const {
  if (is_path()) return std::string("unix:") + path();
  if (is_unix()) {
    const std::string_view name(path() + 1, size_ - offsetof(sockaddr_un, sun_path) - 1);
    return fmt::format("unix:{}{}", kAbstract, name);
  }
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(address(), size_, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "an unknown address";
  return address_.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port)
                                        : fmt::format("{}:{}", host, port);
}

Result<Fd> Endpoint::listen() const {
  Fd fd(::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return error("cannot listen on {}: {}", text(), reason(errno));
  mode_t mask = 0;
  if (is_path()) {
    if (is_stale_socket(address(), size_, path())) ::unlink(path());
    mask = ::umask(0177);
  } else {
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  const int bound = ::bind(fd.get(), address(), size_);
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
  // The port stands at the same place in both kinds of address.
  return !is_unix() && reinterpret_cast<const sockaddr_in&>(address_).sin_port == 0;
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
  Fd fd(::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return error("cannot connect to {}: {}", text(), reason(errno));
  // A full backlog of a unix socket says EAGAIN: as with "refused", trying again is what helps.
  if (::connect(fd.get(), address(), size_) != 0 && errno != EINPROGRESS)
    return error("cannot connect to {}: {}", text(), reason(errno));
  set_no_delay(fd.get());
  return fd;
}

Result<> Endpoint::check_route() const {
  // With UDP, connect() looks for the route and does nothing else.
  const Fd probe(::socket(address_.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe || ::connect(probe.get(), address(), size_) != 0)
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

Result<> Endpoint::check_owner(int fd) const {
  auto owner = is_unix() ? unix_peer_owner(fd) : tcp_listener_owner(address());
  if (!owner) owner = tcp_peer_owner(fd);  // it may have stopped to listen once it had us
  if (!owner) return error("cannot find out which user listens on {}", text());
  if (*owner != ::geteuid()) {
    return error("{} belongs to user {}, not to user {} who runs this", text(), *owner,
                 ::geteuid());
  }
  return {};
}

void set_no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

namespace {

// One line of /proc/net/tcp or tcp6.
struct Socket {
  std::string local;  // address and port, as the kernel prints them
  std::string remote;
  std::string state;
  uid_t owner = 0;
};

constexpr const char* kListening = "0A";
constexpr std::array<const char*, 2> kTables = {"/proc/net/tcp", "/proc/net/tcp6"};

std::optional<uid_t> find_owner(const std::function<bool(const Socket&)>& matches) {
  for (const char* table : kTables) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);  // the titles
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      Socket socket;
      std::string slot, queues, timer, retransmits, timeout;
      unsigned long inode = 0;
      if (fields >> slot >> socket.local >> socket.remote >> socket.state >> queues >> timer >>
              retransmits >> socket.owner >> timeout >> inode &&
          inode != 0 &&  // no process has it, and its owner would be shown as root
          matches(socket))
        return socket.owner;
    }
  }
  return std::nullopt;
}

/// As the kernel prints it: each group of four bytes as a number of the machine's own byte order.
std::string hex_words(const void* bytes, std::size_t size) {
  std::string text;
  for (std::size_t at = 0; at < size; at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, static_cast<const char*>(bytes) + at, sizeof word);
    text += fmt::format("{:08X}", word);
  }
  return text;
}

/// What stands in the tables for `address`: also as an IPv4 address in an IPv6 socket, and, with
/// `any`, the address that stands for all.
std::vector<std::string> spellings(const sockaddr* address, bool any) {
  const std::string any6(32, '0');
  std::vector<std::string> hosts;
  std::uint16_t port = 0;
  if (address->sa_family == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(address);
    port = ntohs(v4.sin_port);
    const std::string host = hex_words(&v4.sin_addr, 4);
    const std::uint32_t mapped = htonl(0xFFFF);
    hosts = {host, std::string(16, '0') + hex_words(&mapped, 4) + host};
    if (any) hosts.insert(hosts.end(), {"00000000", any6});
  } else {
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(address);
    port = ntohs(v6.sin6_port);
    hosts = {hex_words(&v6.sin6_addr, 16)};
    if (any) hosts.push_back(any6);
  }
  for (std::string& host : hosts) host += fmt::format(":{:04X}", port);
  return hosts;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::optional<ucred> peer_credentials(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return credentials;
}

}  // namespace

std::optional<uid_t> unix_peer_owner(int fd) {
  const auto credentials = peer_credentials(fd);
  return credentials ? std::optional(credentials->uid) : std::nullopt;
}

std::optional<pid_t> unix_peer_pid(int fd) {
  const auto credentials = peer_credentials(fd);
  return credentials ? std::optional(credentials->pid) : std::nullopt;
}

std::optional<uid_t> tcp_listener_owner(const sockaddr* address) {
  const auto listeners = spellings(address, true);
  return find_owner([&](const Socket& socket) {
    return socket.state == kListening && contains(listeners, socket.local);
  });
}

std::optional<uid_t> tcp_peer_owner(int fd) {
  sockaddr_storage ours{}, theirs{};
  socklen_t our_size = sizeof ours, their_size = sizeof theirs;
  auto* our_address = reinterpret_cast<sockaddr*>(&ours);
  auto* their_address = reinterpret_cast<sockaddr*>(&theirs);
  if (::getsockname(fd, our_address, &our_size) != 0 ||
      ::getpeername(fd, their_address, &their_size) != 0)
    return std::nullopt;
  const auto local = spellings(their_address, false);
  const auto remote = spellings(our_address, false);
  return find_owner([&](const Socket& socket) {
    return contains(local, socket.local) && contains(remote, socket.remote);
  });
}

}  // namespace proxy
