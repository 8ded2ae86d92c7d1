#pragma once

// A test server in few bytes, whose tests all pass. It dials in as `serve` tells it to, at a port
// of the loopback interface; each test starts and ends with a timestamp.

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <unordered_map>
#include <utility>

#include "common/rpc/announcement.h"
#include "common/rpc/attachment.h"
#include "common/rpc/server_session.h"
#include "common/subunit/decoder.h"
#include "tests/perf/packets.h"

namespace perf {

class SmallServer {
 public:
  /// What a test does, by its place in the list. What it prints it waits for to be read.
  using Body = std::function<void(std::size_t number)>;

  explicit SmallServer(std::vector<std::string> ids, Body body = {})
      : fd_(dial(setting("SUBUNIT_RPC_ADDRESS"))),
        all_(std::move(ids)),
        body_(std::move(body)),
        session_(subunit::rpc::kSupportedVersions,
                 body_ ? std::optional<std::string>(subunit::rpc::kSettledOutput) : std::nullopt) {
    if (body_)
      for (const std::string& id : all_) numbers_.emplace(id, numbers_.size());
  }

  /// Until Goodbye.
  void serve() {
    show_token(setting("SUBUNIT_RPC_TOKEN"));
    subunit::Decoder decoder;
    while (session_.state() < subunit::rpc::ServerSession::State::kClosing) {
      const auto room = decoder.prepare(kReadSize);
      const ssize_t got = ::read(fd_, room.data(), room.size());
      if (got <= 0) die("the client has gone without Goodbye");
      decoder.commit(static_cast<std::size_t>(got), subunit::Time(0));
      while (const auto event = decoder.next_event())
        if (const auto* packet = std::get_if<subunit::Packet>(&*event)) receive(*packet);
      flush();
    }
  }

 private:
  static constexpr std::size_t kReadSize = 65536;
  static constexpr std::size_t kWriteSize = 65536;  // as a server that is busy fills its buffer

  static std::string setting(const char* name) {
    const char* const value = std::getenv(name);
    if (!value) die(std::string("serve has not set ") + name);
    return value;
  }

  static int dial(const std::string& address) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port =
        htons(static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1))));
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
      die("cannot connect to " + address);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }

  static subunit::Timestamp now() {
    const auto time = std::chrono::system_clock::now().time_since_epoch().count();
    return {static_cast<std::uint32_t>(time / 1'000'000'000),
            static_cast<std::uint32_t>(time % 1'000'000'000)};
  }

  void show_token(const std::string& token) {
    const std::string json = subunit::rpc::to_json(subunit::rpc::Attach{token});
    if (!subunit::rpc::encode_attachment(subunit::rpc::kProxyTestId, json, {}, out_))
      die("no token");
    flush();
  }

  void receive(const subunit::Packet& packet) {
    const auto event = session_.receive(packet);
    if (!event) die(event.error().text);
    if (const auto* list = std::get_if<subunit::rpc::ServerSession::ListAsked>(&*event)) {
      for (const std::string& id : list->tests.value_or(all_)) say(id, subunit::Status::kExists);
      session_.done(list->nonce);
    } else if (const auto* run = std::get_if<subunit::rpc::ServerSession::RunAsked>(&*event)) {
      for (const std::string& id : run->tests ? *run->tests : all_) run_test(id);
      session_.done(run->nonce);
    }
    const subunit::Bytes own = session_.pending_output();
    out_.insert(out_.end(), own.begin(), own.end());
    session_.consume_output(own.size());
  }

  void run_test(const std::string& id) {
    say(id, subunit::Status::kInProgress);
    if (body_) {
      flush();
      wait_until_there();
      body_(numbers_.at(id));
    }
    say(id, subunit::Status::kSuccess);
  }

  void say(std::string_view id, subunit::Status status) {
    subunit::Fields fields{.test_id = id, .status = status};
    if (status != subunit::Status::kExists) fields.timestamp = now();
    if (const auto encoded = subunit::encode(fields, out_); !encoded) die(encoded.error().text);
    if (out_.size() >= kWriteSize) flush();
  }

  void flush() {
    write_all(fd_, out_);
    out_.clear();
  }

  /// A busy machine delivers later even on the loopback interface, and what a test prints would
  /// overtake its start.
  void wait_until_there() const {
    for (int left = 1; ::ioctl(fd_, SIOCOUTQ, &left) == 0 && left > 0;) ::usleep(20);
  }

  int fd_;
  std::vector<std::string> all_;
  Body body_;
  std::unordered_map<std::string, std::size_t> numbers_;
  subunit::rpc::ServerSession session_;
  Buffer out_;
};

}  // namespace perf
