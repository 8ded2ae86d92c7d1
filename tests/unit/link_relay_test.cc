#include "proxy/channel/link_relay.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "common/link/arq/receive_window.h"
#include "proxy/io/child.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::LinkRelay;
using proxy::Loop;
using proxy::Pipe;
using proxy::precise_now;

namespace {

/// A relay between pipes, the other end of its line, and the owner who takes its payload.
class Relayed {
 public:
  Relayed() {
    auto payload = relay_.connect();
    REQUIRE(payload);
    payload_ = std::move(*payload);
    ::fcntl(payload_.in.get(), F_SETFL, O_NONBLOCK);
    relay_.listen();
  }
  ~Relayed() { relay_.close(); }

  void send(std::size_t size) { peer_.send(Buffer(size, 'x')); }

  /// Both ends do what they can without waiting for anything.
  void settle() {
    for (int idle = 0; idle < 3;) {
      uv_run(&loop_.get(), UV_RUN_NOWAIT);
      idle = move_line() ? 0 : idle + 1;
    }
  }

  /// The same for that long.
  void settle_for(Time time) {
    for (const Time end = precise_now() + time; precise_now() < end; ::usleep(1000)) settle();
  }

  /// What the owner gets while he reads and nobody waits for anything.
  std::size_t take_all() {
    std::array<char, 65536> room;
    std::size_t taken = 0;
    while (true) {
      const ssize_t size = ::read(payload_.in.get(), room.data(), room.size());
      if (size <= 0) return taken;
      taken += static_cast<std::size_t>(size);
      uv_run(&loop_.get(), UV_RUN_NOWAIT);  // its pipe takes more: that is all it hears
    }
  }

 private:
  static Pipe pipe() {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    return {Fd(fds[0]), Fd(fds[1])};
  }

  bool move_line() {
    bool moved = false;
    while (!peer_.pending_output(precise_now()).empty()) {
      const Bytes frame = peer_.pending_output(precise_now());
      if (::write(to_relay_.write_end.get(), frame.data(), frame.size()) < 0) break;
      peer_.consume_output();
      moved = true;
    }
    std::array<std::uint8_t, 65536> room;
    const ssize_t size = ::read(from_relay_.read_end.get(), room.data(), room.size());
    if (size > 0) {
      peer_.receive(Bytes(room).first(static_cast<std::size_t>(size)), precise_now());
      moved = true;
    }
    peer_.tick(precise_now());
    while (peer_.next_event()) continue;
    return moved;
  }

  Loop loop_;
  Pipe to_relay_ = pipe();
  Pipe from_relay_ = pipe();
  Link peer_{{.sends = Frame::Direction::kToClient, .nonce = 0x5E57E0, .may_upgrade = false}};
  LinkRelay relay_{loop_.get(),
                   std::move(to_relay_.read_end),
                   std::move(from_relay_.write_end),
                   {.nonce = 0xC11E27, .may_upgrade = false},
                   {.noise = [](Bytes) {},
                    .turned = [] {},
                    .opened = [] {},
                    .echoed = [](bool) {},
                    .ended = [] {},
                    .line_ended = [] {}}};
  LinkRelay::Payload payload_;
};

}  // namespace

TEST_CASE("payload that an owner was too slow for comes as soon as there is room for it") {
  Relayed relayed;
  relayed.settle();
  relayed.send(4 << 20);
  // Until all is full: the owner's pipe, what the relay queues for it, and the room of the link.
  // By then nothing is left to be confirmed, so no timer is near that would move it on.
  relayed.settle_for(200ms);
  // With that the owner's pipe has been filled again with what the link held.
  CHECK(relayed.take_all() > proxy::Writer::kHighMark + ReceiveWindow::kMaxHeld);
}
