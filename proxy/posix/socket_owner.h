#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>

namespace proxy {

/// The user at the other end of a connected unix socket (SO_PEERCRED, unix(7)).
[[nodiscard]] std::optional<uid_t> unix_peer_owner(int fd);

/// The process at that end: the one that called connect() or listen().
[[nodiscard]] std::optional<pid_t> unix_peer_pid(int fd);

/// The user whose socket listens on a TCP address of this machine (/proc/net/tcp and tcp6,
/// proc(5)); nothing if none does. A socket that listens on all addresses counts.
[[nodiscard]] std::optional<uid_t> tcp_listener_owner(const sockaddr* address);

/// The user at the other end of a connected TCP socket, if that end is on this machine (the same
/// tables).
[[nodiscard]] std::optional<uid_t> tcp_peer_owner(int fd);

}  // namespace proxy
