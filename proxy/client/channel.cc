#include "proxy/client/channel.h"

#include "proxy/io/stdio.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Result;

namespace {

// A process that the command left behind may hold its stdout open, and is not waited for.
constexpr auto kLeftoverPatience = seconds(1);
// A command that has closed its stdout has nothing more to say, but may have to clean up.
constexpr auto kCommandPatience = seconds(3);
constexpr auto kGrace = seconds(5);  // between TERM and KILL

}  // namespace

Channel::Channel(uv_loop_t& loop, Events events)
    : loop_(loop),
      events_(std::move(events)),
      command_(loop, [this](const Ending&) { check_end(); }),
      patience_(loop, [this] { patience_ended(); }) {}

Result<> Channel::start(const std::vector<std::string>& command) {
  auto in = Pipe::create(kPipeCapacity);
  if (!in) return tl::unexpected(in.error());
  auto out = Pipe::create(kPipeCapacity);
  if (!out) return tl::unexpected(out.error());
  if (auto started = command_.start({.words = command,
                                     .in = in->read_end.get(),
                                     .out = out->write_end.get(),
                                     .ignores_interrupt = true});
      !started)
    return started;
  // If nobody reads what we send, the other direction tells why.
  to_server_.emplace(
      loop_, std::move(in->write_end),
      Writer::Events{.progress = events_.sent, .failed = [](const subunit::Error&) {}});
  from_server_.emplace(loop_, std::move(out->read_end),
                       PacketReader::Events{.packet = events_.packet,
                                            .noise = events_.noise,
                                            .batch = events_.batch,
                                            .ended = [this](const Result<>&) { check_end(); }});
  from_server_->resume();
  return {};
}

void Channel::hang_up(subunit::Time grace) {
  to_server_->close();
  from_server_->close();
  command_.terminate(grace);
  check_end();
}

void Channel::check_end() {
  if (ended_) return;
  if (command_.running() || !from_server_->closed()) {
    return patience_.start(command_.running() ? kCommandPatience : kLeftoverPatience);
  }
  ended_ = true;
  patience_.stop();
  events_.ended();
}

void Channel::patience_ended() {
  if (command_.running()) return command_.terminate(kGrace);
  if (!flow_) return patience_.start(kLeftoverPatience);
  from_server_->cut_off();
}

void Channel::set_flow(bool on) {
  flow_ = on;
  on ? from_server_->resume() : from_server_->pause();
}

}  // namespace proxy
