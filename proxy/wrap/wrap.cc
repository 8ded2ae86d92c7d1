#include "proxy/wrap/wrap.h"

#include <csignal>
#include <optional>

#include "common/subunit/captured_output.h"
#include "common/verdict/failure.h"
#include "common/verdict/open_tests.h"
#include "proxy/io/child.h"
#include "proxy/io/loop.h"
#include "proxy/io/packet_reader.h"
#include "proxy/io/stdio.h"
#include "proxy/io/wall_clock.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
using subunit::Packet;
using subunit::Result;

namespace {

constexpr int kCannotStart = 127;  // as shells say it

constexpr int kOutputLost = 74;  // EX_IOERR of sysexits(3)

// A process that the command left behind may hold its stdout open, and is not waited for any
// longer.
constexpr auto kLeftoverPatience = seconds(1);
constexpr auto kGrace = seconds(5);  // between TERM and KILL, once nobody reads the result

class Wrapper {
 public:
  Wrapper(uv_loop_t& loop, const PrivateStream& out, const Log& log)
      : loop_(loop),
        log_(log),
        to_client_(loop, out.duplicate(),
                   {.progress = [this] { regulate(); },
                    .failed = [this](const subunit::Error& error) { output_failed(error); }}),
        run_(to_client_),
        command_(loop, [this](const Ending&) { command_ended(); }),
        // The command shares our terminal and gets ^C by itself. What it makes of that is the
        // result to pass on.
        interrupt_(loop, SIGINT, [] {}),
        terminate_(loop, SIGTERM, [this] { signalled(); }),
        hangup_(loop, SIGHUP, [this] { signalled(); }),
        patience_(loop, [this] { patience_ended(); }) {}

  Result<> start(const WrapOptions& options) {
    auto pipe = Pipe::create(kPipeCapacity);
    if (!pipe) return tl::unexpected(pipe.error());
    if (auto started = command_.start({.words = options.command, .out = pipe->write_end.get()});
        !started)
      return started;
    from_command_.emplace(loop_, std::move(pipe->read_end),
                          PacketReader::Events{
                              .packet = [this](const Packet& packet) { receive(packet); },
                              .noise = [this](Bytes bytes) { receive_noise(bytes); },
                              .batch =
                                  [this] {
                                    run_.flush();
                                    regulate();
                                  },
                              .ended = [this](const Result<>&) { conclude_if_possible(); },
                          });
    from_command_->resume();
    return {};
  }

  [[nodiscard]] bool over() const { return concluded_ && to_client_.over(); }

  [[nodiscard]] int exit_status() const {
    if (output_lost_) return kOutputLost;
    const Ending& ending = *command_.ending();
    return ending.signal ? 128 + *ending.signal : *ending.exit;
  }

 private:
  void receive(const Packet& packet) {
    if (packet.test_id && packet.status > subunit::Status::kExists) {
      open_tests_.record(*packet.test_id, packet.status);
      const std::string* only = open_tests_.only();
      noise_.attribute(only ? std::optional<std::string_view>(*only) : std::nullopt,
                       noise_packets_);
      send_noise();
    }
    run_.add(packet.raw);
  }

  void receive_noise(Bytes bytes) {
    noise_.add(bytes, noise_packets_);
    send_noise();
  }

  void send_noise() {
    if (noise_packets_.empty()) return;
    run_.flush();
    to_client_.send(noise_packets_);
    noise_packets_.clear();
    // Noise grows on its way: each piece of it gets names. So it is not left to the end of the
    // batch.
    if (to_client_.congested() && from_command_) from_command_->pause();
  }

  void regulate() { to_client_.congested() ? from_command_->pause() : from_command_->resume(); }

  void output_failed(const subunit::Error& error) {
    log_.error("cannot write the stream to stdout: {}", error.text);
    output_lost_ = true;
    if (from_command_) from_command_->close();
    command_.terminate(kGrace);
    conclude_if_possible();
  }

  void signalled() {
    if (command_.running()) return command_.terminate(kGrace);
    to_client_.close();  // nobody waits for the rest
    output_lost_ = true;
    from_command_->close();
    conclude_if_possible();
  }

  void command_ended() {
    patience_.start(kLeftoverPatience);
    conclude_if_possible();
  }

  void patience_ended() {
    if (to_client_.queued() > 0) return patience_.start(kLeftoverPatience);
    log_.warning(
        "a process that the command left behind still holds its stdout open; it is cut off");
    from_command_->cut_off();
  }

  void conclude_if_possible() {
    if (concluded_ || command_.running() || !from_command_->closed()) return;
    concluded_ = true;
    patience_.stop();
    noise_.flush(noise_packets_);
    send_noise();
    subunit::Buffer packets;
    for (const std::string& test : open_tests_.ids()) {
      const std::string reason = fmt::format("the command {} while this test was in progress\n",
                                             command_.ending()->text());
      encode_failure(test, std::nullopt, wall_clock(), reason, packets);
    }
    to_client_.send(packets);
    to_client_.finish();
  }

  uv_loop_t& loop_;
  const Log& log_;
  Writer to_client_;
  PacketRun run_;
  std::optional<PacketReader> from_command_;
  subunit::OpenTests open_tests_;
  subunit::CapturedOutput noise_{"stdout"};
  subunit::Buffer noise_packets_;
  Child command_;
  SignalWatch interrupt_;
  SignalWatch terminate_;
  SignalWatch hangup_;
  Timer patience_;
  bool concluded_ = false;
  bool output_lost_ = false;
};

}  // namespace

int wrap(const WrapOptions& options, const Log& log) {
  const auto out = PrivateStream::take_stdout();
  if (!out) {
    log.error("{}", out.error().text);
    return kCannotStart;
  }
  Loop loop;
  Wrapper wrapper(loop.get(), *out, log);
  if (const auto started = wrapper.start(options); !started) {
    log.error("{}", started.error().text);
    return kCannotStart;
  }
  loop.run_until([&wrapper] { return wrapper.over(); });
  return wrapper.exit_status();
}

}  // namespace proxy
