#include "proxy/posix/socket_owner.h"

#include <fmt/core.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace proxy {
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
