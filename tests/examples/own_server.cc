// A test server without a framework: `subunit-proxy serve -- ./own_server`. Build it with
//   g++ -std=c++20 own_server.cc -o own_server $(pkg-config --cflags --libs subunit-proxy)

#include <arpa/inet.h>
#include <netinet/in.h>
#include <subunit-proxy/rpc/attachment.h>
#include <subunit-proxy/rpc/server_session.h>
#include <subunit-proxy/settle.h>
#include <subunit-proxy/subunit/decoder.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

using subunit::Status;
using Session = subunit::rpc::ServerSession;

const std::map<std::string, bool (*)()> kTests = {
    {"adds", [] { return std::printf("one and one\n") > 0 && 1 + 1 == 2; }},
    {"divides", [] { return 1 / 3 == 0; }},
    {"fails", [] { return false; }},
};

/// The proxy's address is HOST:PORT, and HOST an IPv4 address.
int dial(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? fd : -1;
}

bool is_wanted(const subunit::rpc::TestIds& wanted, const std::string& id) {
  return !wanted || std::find(wanted->begin(), wanted->end(), id) != wanted->end();
}

void report(const std::string& id, Status status, subunit::Buffer& out) {
  (void)subunit::encode({.test_id = id, .status = status}, out);  // of our own ids
}

int main() {
  const int fd = dial(std::getenv("SUBUNIT_RPC_ADDRESS"));
  if (fd < 0) return 1;
  const auto send = [fd](subunit::Bytes bytes) {
    for (ssize_t n = 1; n > 0 && !bytes.empty(); bytes = bytes.subspan(n < 0 ? 0 : n))
      n = write(fd, bytes.data(), bytes.size());
  };
  subunit::Buffer out;
  const subunit::rpc::Attach attach{std::getenv("SUBUNIT_RPC_TOKEN")};
  (void)subunit::rpc::encode_attachment(subunit::rpc::kProxyTestId, to_json(attach), {}, out);
  send(out);

  Session session(subunit::rpc::kSupportedVersions, std::string(subunit::rpc::kSettledOutput));
  subunit::Decoder decoder;
  decoder.skip_line_feeds();
  const auto report_now = [&](const std::string& id, Status status) {
    subunit::settle();  // what was printed until now belongs to what was before
    out.clear();
    report(id, status, out);
    send(out);
  };
  for (;;) {
    const auto room = decoder.prepare(1);
    const ssize_t size = read(fd, room.data(), room.size());
    if (size <= 0) return 1;
    decoder.commit(static_cast<std::size_t>(size), subunit::Time(0));
    while (const auto arrived = decoder.next_event()) {
      const auto* packet = std::get_if<subunit::Packet>(&*arrived);
      if (!packet) continue;  // noise
      const auto event = session.receive(*packet);
      if (!event) return 1;
      if (const auto* list = std::get_if<Session::ListAsked>(&*event)) {
        out.clear();
        for (const auto& [id, test] : kTests)
          if (is_wanted(list->tests, id)) report(id, Status::kExists, out);
        send(out);
        session.done(list->nonce);
      } else if (const auto* run = std::get_if<Session::RunAsked>(&*event)) {
        for (const auto& [id, test] : kTests) {
          if (!is_wanted(run->tests, id)) continue;
          report_now(id, Status::kInProgress);
          report_now(id, test() ? Status::kSuccess : Status::kFail);
        }
        session.done(run->nonce);
      } else if (std::holds_alternative<Session::GoodbyeSaid>(*event)) {
        return 0;
      }
      send(session.pending_output());
      session.consume_output(session.pending_output().size());
    }
  }
}
