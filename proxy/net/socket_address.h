#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <string>

namespace proxy {

/// As connect(2) takes it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] sa_family_t family() const { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  /// The port of an internet address: it stands at the same place in both kinds.
  [[nodiscard]] in_port_t port() const;
  void set_port(in_port_t port);
};

// What needs no resolver.

/// `host` is an IPv4 or an IPv6 address, or `localhost`, which is 127.0.0.1. An IPv6 address may
/// have the name or the number of an interface: fe80::1%eth0. Nothing if it is anything else.
[[nodiscard]] std::optional<SocketAddress> numeric_address(const std::string& host);

/// Host and port of an internet address, as people write it: 127.0.0.1:80, [::1]:80.
[[nodiscard]] std::string text_of(const SocketAddress& address);

}  // namespace proxy
