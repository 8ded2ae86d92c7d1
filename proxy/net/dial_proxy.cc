#include "proxy/net/dial_proxy.h"

#include <poll.h>

#include <cstdlib>
#include <utility>

#include "proxy/net/endpoint.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr int kDialTimeout = 10'000;  // milliseconds; the proxy listens already

std::optional<std::string> take_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (!value) return std::nullopt;
  std::string taken = value;
  ::unsetenv(name);
  return taken;
}

Result<Fd> dial(const std::string& address) {
  const auto endpoint = Endpoint::parse(address);
  if (!endpoint) return tl::unexpected(endpoint.error());
  auto fd = endpoint->connect();
  if (!fd) return fd;
  pollfd writable{.fd = fd->get(), .events = POLLOUT, .revents = 0};
  if (::poll(&writable, 1, kDialTimeout) == 0)
    return error("cannot connect to {}: no answer", address);
  if (const auto connected = Endpoint::connect_result(fd->get()); !connected)
    return error("cannot connect to {}: {}", address, connected.error().text);
  set_no_delay(fd->get());
  return fd;
}

}  // namespace

Result<ProxyConnection> dial_proxy(std::string_view starter) {
  const auto local_address = take_variable("SUBUNIT_RPC_LOCAL");
  const auto address = take_variable("SUBUNIT_RPC_ADDRESS");
  auto token = take_variable("SUBUNIT_RPC_TOKEN");
  if (!local_address && !address)
    return error("SUBUNIT_RPC_ADDRESS is not set: {} starts this", starter);
  auto fd = dial(local_address ? *local_address : *address);
  // In a container, for instance, the socket is not there.
  if (!fd && local_address && address) fd = dial(*address);
  if (!fd) return tl::unexpected(fd.error());
  return ProxyConnection{std::move(*fd), std::move(token)};
}

}  // namespace proxy
