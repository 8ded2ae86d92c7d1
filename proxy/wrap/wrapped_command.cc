#include "proxy/wrap/wrapped_command.h"

#include "common/verdict/end_of_test.h"
#include "proxy/io/handle.h"
#include "proxy/posix/stdio.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
using subunit::Packet;
using subunit::Result;
using subunit::command::Fate;

namespace {

// A process that the command left behind may hold its stdout open, and is not waited for any
// longer.
constexpr auto kLeftoverTimeout = seconds(1);

}  // namespace

WrappedCommand::WrappedCommand(uv_loop_t& loop, Writer& to, const Log& log, Events events)
    : loop_(loop),
      to_(to),
      log_(log),
      events_(std::move(events)),
      run_(to),
      child_(loop, [this](const Ending&) { child_ended(); }),
      end_timer_(loop, [this] { end_overdue(); }) {}

Result<> WrappedCommand::start(Command command) {
  auto out = Pipe::create(kPipeCapacity);
  if (!out) return tl::unexpected(out.error());
  return start(command, std::move(*out));
}

Result<> WrappedCommand::start_with_stderr(Command command) {
  auto out = Pipe::create_stepwise();
  if (!out) return tl::unexpected(out.error());
  errors_.emplace(loop_, "stderr", std::nullopt, room_,
                  CapturedPipe::Events{
                      .packets =
                          [this](Bytes packets) {
                            run_.flush();
                            to_.send(packets);
                            regulate();
                          },
                      .readable = [this] { reader_->catch_up(); },
                      .ended = [this] { conclude_if_possible(); },
                  });
  auto err = errors_->open();
  if (!err) return tl::unexpected(err.error());
  command.err = err->get();
  return start(command, std::move(*out));
}

Result<> WrappedCommand::start(Command& command, Pipe out) {
  command.out = out.write_end.get();
  if (auto started = child_.start(command); !started) {
    errors_.reset();
    return started;
  }
  reader_.emplace(loop_, std::move(out.read_end),
                  PacketReader::Events{
                      .packet = [this](const Packet& packet) { receive(packet); },
                      .noise = [this](Bytes bytes) { receive_noise(bytes); },
                      .batch =
                          [this] {
                            run_.flush();
                            regulate();
                          },
                      .ended = [this](const Result<>&) { conclude_if_possible(); },
                      .reading =
                          [this] {
                            if (errors_) errors_->mark();
                          },
                  },
                  errors_ ? PacketReader::kSmallCapacity : PacketReader::kCapacity);
  reader_->resume();
  return {};
}

void WrappedCommand::receive(const Packet& packet) {
  const Fate fate = events_.packet ? events_.packet(packet) : Fate::kPass;
  if (fate == Fate::kNoise) return receive_noise(packet.raw);
  if (packet.test_id && packet.status > subunit::Status::kExists) {
    if (errors_ && is_final(packet.status)) errors_->drain_to_mark();
    open_tests_.record(*packet.test_id, packet.status);
    attribute();
  }
  if (fate == Fate::kPass) run_.add(packet.raw);
}

void WrappedCommand::attribute() {
  const std::string* only = open_tests_.only();
  const auto test = only ? std::optional<std::string_view>(*only) : std::nullopt;
  if (errors_) errors_->attribute(test);
  noise_.attribute(test, noise_packets_);
  send_noise();
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

/// Results go first: captured output is read only while nothing is queued.
void WrappedCommand::regulate() {
  if (reader_) to_.congested() ? reader_->pause() : reader_->resume();
  if (errors_) errors_->set_flow(to_.queued() == 0);
}

void WrappedCommand::stop_reading() {
  if (reader_) reader_->close();
  if (errors_) errors_->close();
  conclude_if_possible();
}

std::string WrappedCommand::last_output() const {
  std::string text;
  describe_tail("stdout", "the command", noise_.tail(), text);
  if (errors_) errors_->describe_tail("the command", text);
  return text;
}

void WrappedCommand::child_ended() {
  end_timer_.start(kLeftoverTimeout);
  conclude_if_possible();
}

void WrappedCommand::end_overdue() {
  if (to_.queued() > 0) return end_timer_.start(kLeftoverTimeout);
  log_.warning(
      "a process that the command left behind is still running and holds its output open; its "
      "further output is dropped");
  reader_->cut_off();
  if (errors_) {
    errors_->drain();
    errors_->close();
  }
  conclude_if_possible();
}

bool WrappedCommand::output_over() const {
  return reader_->closed() && (!errors_ || errors_->over());
}

void WrappedCommand::conclude_if_possible() {
  if (concluded_ || child_.running() || !output_over()) return;
  concluded_ = true;
  end_timer_.stop();
  noise_.flush(noise_packets_);
  send_noise();
  fail_open_tests();
  events_.ended(*child_.ending());
}

void WrappedCommand::fail_open_tests() {
  subunit::Buffer packets;
  for (const std::string& test : open_tests_.ids()) {
    const std::string reason =
        fmt::format("the command {} while this test was in progress\n", child_.ending()->text());
    subunit::verdict::encode_end({.test_id = test, .reason = reason, .when = wall_clock()},
                                 packets);
  }
  to_.send(packets);
}

}  // namespace proxy
