#include "proxy/net/socket_address.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <charconv>
#include <cstring>
#include <string_view>

#include "proxy/posix/fd.h"

namespace proxy {

namespace {

template <typename T>
SocketAddress address_of(const T& address) {
  SocketAddress all{.storage = {}, .size = sizeof address};
  std::memcpy(&all.storage, &address, sizeof address);
  return all;
}

/// netdevice(7). What if_nametoindex(3) brings along makes a static binary 18 kB larger.
bool ask_for_interface(unsigned long question, ifreq& interface) {
  const Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return ::ioctl(any.get(), question, &interface) == 0;
}

/// The number of an interface; 0 if there is none.
unsigned index_of(std::string_view zone) {
  ifreq interface {};
  if (zone.copy(interface.ifr_name, IF_NAMESIZE) < IF_NAMESIZE &&
      ask_for_interface(SIOCGIFINDEX, interface))
    return static_cast<unsigned>(interface.ifr_ifindex);
  unsigned index = 0;
  std::from_chars(zone.data(), zone.data() + zone.size(), index);
  return index;
}

std::string zone_of(unsigned index) {
  if (index == 0) return "";
  ifreq interface {};
  interface.ifr_ifindex = static_cast<int>(index);
  return ask_for_interface(SIOCGIFNAME, interface) ? fmt::format("%{}", interface.ifr_name)
                                                   : fmt::format("%{}", index);
}

}  // namespace

in_port_t SocketAddress::port() const {
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

void SocketAddress::set_port(in_port_t port) {
  reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
}

std::optional<SocketAddress> numeric_address(const std::string& host) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (::inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &v4.sin_addr) == 1)
    return address_of(v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  const std::size_t percent = host.find('%');
  if (::inet_pton(AF_INET6, host.substr(0, percent).c_str(), &v6.sin6_addr) != 1)
    return std::nullopt;
  if (percent != std::string::npos) {
    v6.sin6_scope_id = index_of(std::string_view(host).substr(percent + 1));
    if (v6.sin6_scope_id == 0) return std::nullopt;
  }
  return address_of(v6);
}

std::string text_of(const SocketAddress& address) {
  char host[INET6_ADDRSTRLEN] = "";
  if (address.family() == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return fmt::format("{}:{}", host, address.port());
  }
  if (address.family() != AF_INET6) return "an unknown address";
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
  return fmt::format("[{}{}]:{}", host, zone_of(v6.sin6_scope_id), address.port());
}

}  // namespace proxy
