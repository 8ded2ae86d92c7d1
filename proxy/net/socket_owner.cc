#include "proxy/net/socket_owner.h"

#include <fmt/core.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/posix/fd.h"
#include "proxy/posix/read_file.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

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

TcpConnection TcpConnection::of_socket(int fd) {
  TcpConnection connection;
  socklen_t our_size = sizeof ours, their_size = sizeof theirs;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&connection.ours), &our_size);
  connection.open =
      ::getpeername(fd, reinterpret_cast<sockaddr*>(&connection.theirs), &their_size) == 0;
  return connection;
}

namespace {

// The question of sock_diag(7), and the answer.
struct Question {
  nlmsghdr header;
  inet_diag_req_v2 request;
};
struct Answer {
  nlmsghdr header;
  union {
    nlmsgerr failure;
    inet_diag_msg socket;
    char rest[512];  // attributes that nobody asked for
  };
};

void copy_address(const sockaddr_storage& from, __be32 (&host)[4], __be16& port) {
  // The port stands at the same place in both kinds of address.
  port = reinterpret_cast<const sockaddr_in&>(from).sin_port;
  if (from.ss_family == AF_INET) {
    std::memcpy(host, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, sizeof(in_addr));
  } else {
    std::memcpy(host, &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, sizeof(in6_addr));
  }
}

/// The socket that is bound to `local` and connected to `remote`; none if there is none here.
Result<std::optional<inet_diag_msg>> find_socket(const sockaddr_storage& local,
                                                 const sockaddr_storage& remote) {
  const Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  Question question{};
  question.header = {.nlmsg_len = sizeof question,
                     .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                     .nlmsg_flags = NLM_F_REQUEST,
                     .nlmsg_seq = 0,
                     .nlmsg_pid = 0};
  inet_diag_req_v2& request = question.request;
  request.sdiag_family = static_cast<__u8>(local.ss_family);
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = ~0U;
  copy_address(local, request.id.idiag_src, request.id.idiag_sport);
  copy_address(remote, request.id.idiag_dst, request.id.idiag_dport);
  if (local.ss_family == AF_INET6)
    request.id.idiag_if = reinterpret_cast<const sockaddr_in6&>(local).sin6_scope_id;
  for (__u32& half : request.id.idiag_cookie) half = INET_DIAG_NOCOOKIE;

  Answer answer{};
  if (!netlink || ::send(netlink.get(), &question, sizeof question, 0) < 0)
    return error("{}", std::strerror(errno));
  const ssize_t size = ::recv(netlink.get(), &answer, sizeof answer, MSG_DONTWAIT);
  if (size < static_cast<ssize_t>(sizeof answer.header + sizeof answer.failure))
    return error("no answer");
  if (answer.header.nlmsg_type == NLMSG_ERROR && answer.failure.error == -ENOENT)
    return std::nullopt;
  if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
    return error("{}", std::strerror(-answer.failure.error));
  // Where there is no such connection, the kernel answers with who listens at that port.
  if (answer.socket.idiag_state == TCP_LISTEN) return std::nullopt;
  return answer.socket;
}

}  // namespace

Result<TcpPeer> ask_for_tcp_peer(const TcpConnection& connection) {
  if (!connection.open) return TcpPeer{};
  const auto found = find_socket(connection.theirs, connection.ours);
  if (!found) return tl::unexpected(found.error());
  if (!*found) {
    // A kernel that knows nothing of TCP sockets says the same of each. Our own end is there.
    const auto own = find_socket(connection.ours, connection.theirs);
    if (!own || !*own) return error("no answer about our own end");
    return TcpPeer{};
  }
  TcpPeer peer{.here = true, .user = {}};
  // A socket that no process has is shown as root's.
  if ((*found)->idiag_inode != 0) peer.user = (*found)->idiag_uid;
  return peer;
}

namespace {

constexpr std::array<const char*, 2> kTables = {"/proc/net/tcp", "/proc/net/tcp6"};
constexpr std::size_t kMaxTable = 256 << 20;  // more than a million connections

// What stands in a line of these.
struct Line {
  std::string_view local;  // address and port, as the kernel prints them
  std::string_view remote;
  uid_t owner = 0;
  unsigned long inode = 0;
};

/// Takes off all up to `end`, and what is there of it.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t size = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(std::min(text.find_first_not_of(end, size), text.size()));
  return taken;
}

template <typename T>
bool read_number(std::string_view text, T& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

bool parse(std::string_view text, Line& line) {
  std::array<std::string_view, 10> fields;  // number, both ends, ..., owner, timeout, inode
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  for (std::string_view& field : fields) field = take_until(text, ' ');
  line.local = fields[1];
  line.remote = fields[2];
  return read_number(fields[7], line.owner) && read_number(fields[9], line.inode);
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

/// What stands in the tables for `address`: an IPv4 address also as one in an IPv6 socket.
std::vector<std::string> spellings(const sockaddr_storage& address) {
  std::vector<std::string> hosts;
  std::uint16_t port = 0;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    port = ntohs(v4.sin_port);
    const std::string host = hex_words(&v4.sin_addr, 4);
    const std::uint32_t mapped = htonl(0xFFFF);
    hosts = {host, std::string(16, '0') + hex_words(&mapped, 4) + host};
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    port = ntohs(v6.sin6_port);
    hosts = {hex_words(&v6.sin6_addr, 16)};
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
      hosts.push_back(hex_words(&v6.sin6_addr.s6_addr[12], 4));
  }
  for (std::string& host : hosts) host += fmt::format(":{:04X}", port);
  return hosts;
}

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

TcpPeer search_for_tcp_peer(const TcpConnection& connection) {
  if (!connection.open) return {};
  const auto local = spellings(connection.theirs);
  const auto remote = spellings(connection.ours);
  for (const char* table : kTables) {
    const auto text = read_file("the table", table, kMaxTable);
    if (!text) continue;
    std::string_view lines = *text;
    while (!lines.empty()) {
      const std::string_view text_of_line = take_until(lines, '\n');
      Line line;
      if (!parse(text_of_line, line) || !contains(local, line.local) ||
          !contains(remote, line.remote))
        continue;
      TcpPeer peer{.here = true, .user = {}};
      if (line.inode != 0) peer.user = line.owner;
      return peer;
    }
  }
  return {};
}

}  // namespace proxy
