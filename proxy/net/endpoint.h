#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "proxy/net/socket_address.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// Where a test server listens, or dials in: `HOST:PORT`, `PORT` on the loopback interface, or
/// `unix:PATH`. HOST may be a name, an IPv4 address, or an IPv6 address in brackets; `localhost` is
/// 127.0.0.1. A PATH that begins with `@` names an abstract socket (unix(7)), which is in no file
/// system.
class Endpoint {
 public:
  /// An Error for anything else, and for a name that cannot be resolved.
  [[nodiscard]] static subunit::Result<Endpoint> parse(std::string_view text);

  /// The address a socket is bound to.
  [[nodiscard]] static Endpoint of_socket(int fd);

  [[nodiscard]] std::string text() const;
  /// What listen() has made in the file system: nothing for a TCP address.
  [[nodiscard]] std::optional<ino_t> inode() const;

  /// Removes it, unless something else has taken its place.
  void remove(ino_t inode) const;

  /// A TCP address with port 0, which stands for any that is free.
  [[nodiscard]] bool any_port() const;

  [[nodiscard]] bool is_unix() const { return address_.family() == AF_UNIX; }

  /// An Error if no connection to this TCP address can be made from here, because there is no route
  /// to it: for the loopback interface, because it is down. Sends nothing.
  [[nodiscard]] subunit::Result<> check_route() const;

  /// A listening socket. On a unix path it takes the place of a socket that nobody listens on any
  /// more, and of nothing else; the new one is accessible to its owner only.
  [[nodiscard]] subunit::Result<Fd> listen() const;

  /// A socket that is connected, or about to be: it becomes writable then, or when that fails, and
  /// connect_result() tells which.
  [[nodiscard]] subunit::Result<Fd> connect() const;
  [[nodiscard]] static subunit::Result<> connect_result(int fd);

 private:
  [[nodiscard]] const char* path() const {
    return reinterpret_cast<const sockaddr_un&>(address_.storage).sun_path;
  }
  [[nodiscard]] bool is_path() const { return is_unix() && path()[0] != '\0'; }

  SocketAddress address_;
};

/// Sends what is written at once: without this, small packets wait for acknowledgements that the
/// other end delays by 40 ms (RFC 896 meeting RFC 1122). Does nothing to a unix socket.
void set_no_delay(int fd);

}  // namespace proxy
