#include "proxy/command_server/command_server.h"

#include <poll.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "proxy/command_server/conversation.h"
#include "proxy/io/handle.h"
#include "proxy/net/endpoint.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr int kIncomplete = 3;
constexpr int kDialTimeout = 10'000;  // milliseconds; the proxy listens already

/// Takes it from the environment: no command is to connect there.
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

int command_server(const CommandServerOptions& options, const Log& log) {
  const auto local_address = take_variable("SUBUNIT_RPC_LOCAL");
  const auto address = take_variable("SUBUNIT_RPC_ADDRESS");
  const auto token = take_variable("SUBUNIT_RPC_TOKEN");
  if (!local_address && !address) {
    log.error("SUBUNIT_RPC_ADDRESS is not set: `subunit-proxy serve --test-command` starts this");
    return kIncomplete;
  }
  auto connection = dial(local_address ? *local_address : *address);
  // In a container, for instance, the socket is not there.
  if (!connection && local_address && address) connection = dial(*address);
  if (!connection) {
    log.error("{}", connection.error().text);
    return kIncomplete;
  }
  Loop loop;
  Conversation conversation(loop.get(), std::move(*connection), options, log);
  if (const auto started = conversation.start(token); !started) {
    log.error("{}", started.error().text);
    return kIncomplete;
  }
  loop.run_until([&conversation] { return conversation.over(); });
  return conversation.exit_status();
}

}  // namespace proxy
