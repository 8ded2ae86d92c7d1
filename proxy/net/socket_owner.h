#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>

#include "common/base/result.h"

namespace proxy {

/// The user at the other end of a connected unix socket (SO_PEERCRED, unix(7)).
[[nodiscard]] std::optional<uid_t> unix_peer_owner(int fd);

/// The process at that end: the one that called connect() or listen().
[[nodiscard]] std::optional<pid_t> unix_peer_pid(int fd);

/// Who has the other end of a TCP connection. A port says nothing about that: whoever listened on
/// it when the connection was made may have given it up since, and somebody else may have it.
struct TcpPeer {
  bool here = false;          ///< that end is on this machine, and not closed
  std::optional<uid_t> user;  ///< of the process that has it; none before it was accepted
};

/// A TCP connection, by its addresses: the descriptor may be closed while it is looked for.
struct TcpConnection {
  sockaddr_storage ours{};
  sockaddr_storage theirs{};
  bool open = false;  // not reset by the other end

  [[nodiscard]] static TcpConnection of_socket(int fd);
};

/// Asks the kernel for the socket at the other end, and for no other (sock_diag(7)), so that it
/// takes microseconds, however many there are. An Error if this kernel does not answer such
/// questions.
[[nodiscard]] subunit::Result<TcpPeer> ask_for_tcp_peer(const TcpConnection& connection);

/// The same from the tables of all sockets (/proc/net/tcp and tcp6, proc(5)), which any user can
/// make so long that reading them takes a second.
[[nodiscard]] TcpPeer search_for_tcp_peer(const TcpConnection& connection);

}  // namespace proxy
