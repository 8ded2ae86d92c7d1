#include "proxy/wrap/wrapped_command.h"

#include "common/verdict/failure.h"
#include "proxy/io/stdio.h"
#include "proxy/io/wall_clock.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
using subunit::Packet;
using subunit::Result;

namespace {

// A process that the command left behind may hold its stdout open, and is not waited for any
// longer.
constexpr auto kLeftoverPatience = seconds(1);

}  // namespace

WrappedCommand::WrappedCommand(uv_loop_t& loop, Writer& to, const Log& log, Ended ended)
    : loop_(loop),
      to_(to),
      log_(log),
      ended_(std::move(ended)),
      run_(to),
      child_(loop, [this](const Ending&) { child_ended(); }),
      patience_(loop, [this] { patience_ended(); }) {}

Result<> WrappedCommand::start(Command command) {
  auto pipe = Pipe::create(kPipeCapacity);
  if (!pipe) return tl::unexpected(pipe.error());
  command.out = pipe->write_end.get();
  if (auto started = child_.start(command); !started) return started;
  reader_.emplace(loop_, std::move(pipe->read_end),
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
  reader_->resume();
  return {};
}

void WrappedCommand::receive(const Packet& packet) {
  if (packet.test_id && packet.status > subunit::Status::kExists) {
    open_tests_.record(*packet.test_id, packet.status);
    const std::string* only = open_tests_.only();
    noise_.attribute(only ? std::optional<std::string_view>(*only) : std::nullopt, noise_packets_);
    send_noise();
  }
  run_.add(packet.raw);
}

void WrappedCommand::receive_noise(Bytes bytes) {
  noise_.add(bytes, noise_packets_);
  send_noise();
}

void WrappedCommand::send_noise() {
  if (noise_packets_.empty()) return;
  run_.flush();
  to_.send(noise_packets_);
  noise_packets_.clear();
  // Noise grows on its way: each piece of it gets names. So it is not left to the end of the batch.
  if (to_.congested() && reader_) reader_->pause();
}

void WrappedCommand::regulate() {
  if (reader_) to_.congested() ? reader_->pause() : reader_->resume();
}

void WrappedCommand::stop_reading() {
  if (reader_) reader_->close();
  conclude_if_possible();
}

void WrappedCommand::child_ended() {
  patience_.start(kLeftoverPatience);
  conclude_if_possible();
}

void WrappedCommand::patience_ended() {
  if (to_.queued() > 0) return patience_.start(kLeftoverPatience);
  log_.warning("a process that the command left behind still holds its stdout open; it is cut off");
  reader_->cut_off();
}

void WrappedCommand::conclude_if_possible() {
  if (concluded_ || child_.running() || !reader_->closed()) return;
  concluded_ = true;
  patience_.stop();
  noise_.flush(noise_packets_);
  send_noise();
  fail_open_tests();
  ended_(*child_.ending());
}

void WrappedCommand::fail_open_tests() {
  subunit::Buffer packets;
  for (const std::string& test : open_tests_.ids()) {
    const std::string reason =
        fmt::format("the command {} while this test was in progress\n", child_.ending()->text());
    encode_failure(test, std::nullopt, wall_clock(), reason, packets);
  }
  to_.send(packets);
}

}  // namespace proxy
