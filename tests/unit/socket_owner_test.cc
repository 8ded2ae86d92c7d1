#include "proxy/net/socket_owner.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/net/endpoint.h"

using namespace proxy;

namespace {

/// A connection on the loopback interface that was not accepted yet.
struct Connected {
  explicit Connected(const char* listen, const char* connect)
      : listener(Endpoint::parse(listen).value().listen().value()) {
    const std::string text = Endpoint::of_socket(listener.get()).text();
    const auto port = text.substr(text.rfind(':'));
    caller = Endpoint::parse(connect + port).value().connect().value();
    while (accepted_later().get() < 0) continue;
  }

  /// The connection is there once it can be accepted; it stays in the queue.
  Fd accepted_later() {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    return ::getpeername(caller.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0
               ? duplicate(caller.get())
               : Fd();
  }

  Fd listener;
  Fd caller;
};

using Way = TcpPeer (*)(const TcpConnection&);

TcpPeer ask(const TcpConnection& connection) {
  return ask_for_tcp_peer(connection).value();
}

}  // namespace

TEST_CASE("the other end of a TCP connection belongs to who has accepted it, or has connected") {
  struct Row {
    const char *listen, *connect;
  };
  const Row rows[] = {
      {"127.0.0.1:0", "127.0.0.1"}, {"0.0.0.0:0", "127.0.0.1"}, {"[::]:0", "127.0.0.1"}};
  for (const Row& row : rows) {
    for (const Way way : {Way(ask), Way(search_for_tcp_peer)}) {
      CAPTURE(row.listen);
      CAPTURE(way == ask);
      Connected pair(row.listen, row.connect);
      const auto seen_by_caller = TcpConnection::of_socket(pair.caller.get());

      const TcpPeer waiting = way(seen_by_caller);
      CHECK(waiting.here);
      CHECK_FALSE(waiting.user);

      Fd accepted;
      while (!accepted) accepted = Fd(::accept(pair.listener.get(), nullptr, nullptr));
      CHECK(way(seen_by_caller).user == ::geteuid());
      const auto seen_by_server = TcpConnection::of_socket(accepted.get());
      CHECK(way(seen_by_server).user == ::geteuid());

      // Who listens there has nothing to do with it.
      pair.listener.reset();
      CHECK(way(seen_by_caller).user == ::geteuid());

      pair.caller.reset();
      CHECK_FALSE(way(seen_by_server).user);
    }
  }
}

TEST_CASE("the other end of a connection that is no more is not its listener") {
  Connected pair("127.0.0.1:0", "127.0.0.1");
  TcpConnection connection = TcpConnection::of_socket(pair.caller.get());
  // Another port of ours: nobody is connected from there, but somebody listens where it goes to.
  reinterpret_cast<sockaddr_in&>(connection.ours).sin_port ^= htons(1);
  CHECK_FALSE(search_for_tcp_peer(connection).here);
  const auto asked = ask_for_tcp_peer(connection);
  if (asked) CHECK_FALSE(asked->here);
}
