// null_server COUNT: a test server whose COUNT tests pass at once. It dials in as `serve` tells it
// to, at a port of the loopback interface, and each of its tests starts and ends with a timestamp.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>

#include "common/rpc/announcement.h"
#include "common/rpc/attachment.h"
#include "common/rpc/server_session.h"
#include "common/subunit/decoder.h"
#include "tests/perf/packets.h"

namespace {

using subunit::ServerSession;
using subunit::Status;

constexpr std::size_t kReadSize = 65536;
constexpr std::size_t kWriteSize = 65536;  // as a server that is busy all the time fills its buffer

std::string setting(const char* name) {
  const char* const value = std::getenv(name);
  if (!value) perf::die(std::string("serve has not set ") + name);
  return value;
}

int dial(const std::string& address) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  where.sin_port =
      htons(static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1))));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
    perf::die("cannot connect to " + address);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

subunit::Timestamp now() {
  const auto time = std::chrono::system_clock::now().time_since_epoch().count();
  return {static_cast<std::uint32_t>(time / 1'000'000'000),
          static_cast<std::uint32_t>(time % 1'000'000'000)};
}

class NullServer {
 public:
  NullServer(int fd, std::size_t count) : fd_(fd) {
    for (std::size_t number = 0; number < count; ++number) {
      const std::string digits = std::to_string(number);
      all_.push_back("package.module.Class.test_" +
                     std::string(6 - std::min<std::size_t>(digits.size(), 6), '0') + digits);
    }
  }

  void show_token(const std::string& token) {
    const std::string json = subunit::to_json(subunit::Attach{token});
    if (!subunit::encode_attachment(subunit::kProxyTestId, json, {}, out_)) perf::die("no token");
    flush();
  }

  void serve() {
    subunit::Decoder decoder;
    while (session_.state() < ServerSession::State::kClosing) {
      const auto room = decoder.prepare(kReadSize);
      const ssize_t got = ::read(fd_, room.data(), room.size());
      if (got <= 0) perf::die("the client has gone without Goodbye");
      decoder.commit(static_cast<std::size_t>(got), subunit::Time(0));
      while (const auto event = decoder.next_event())
        if (const auto* packet = std::get_if<subunit::Packet>(&*event)) receive(*packet);
      flush();
    }
  }

 private:
  void receive(const subunit::Packet& packet) {
    const auto event = session_.receive(packet);
    if (!event) perf::die(event.error().text);
    if (const auto* list = std::get_if<ServerSession::ListAsked>(&*event)) {
      for (const std::string& id : list->tests.value_or(all_)) say(id, Status::kExists);
      session_.done(list->nonce);
    } else if (const auto* run = std::get_if<ServerSession::RunAsked>(&*event)) {
      for (const std::string& id : run->tests ? *run->tests : all_) {
        say(id, Status::kInProgress);
        say(id, Status::kSuccess);
      }
      session_.done(run->nonce);
    }
    const subunit::Bytes own = session_.pending_output();
    out_.insert(out_.end(), own.begin(), own.end());
    session_.consume_output(own.size());
  }

  void say(std::string_view id, Status status) {
    subunit::Fields fields{.test_id = id, .status = status};
    if (status != Status::kExists) fields.timestamp = now();
    if (const auto encoded = subunit::encode(fields, out_); !encoded)
      perf::die(encoded.error().text);
    if (out_.size() >= kWriteSize) flush();
  }

  void flush() {
    perf::write_all(fd_, out_);
    out_.clear();
  }

  int fd_;
  std::vector<std::string> all_;
  ServerSession session_;
  perf::Buffer out_;
};

}  // namespace

int main(int, char** argv) {
  NullServer server(dial(setting("SUBUNIT_RPC_ADDRESS")), std::stoul(argv[1]));
  server.show_token(setting("SUBUNIT_RPC_TOKEN"));
  server.serve();
}
