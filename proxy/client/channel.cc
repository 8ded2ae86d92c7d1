#include "proxy/client/channel.h"

#include "proxy/io/stdio.h"

namespace proxy {

using subunit::Result;

namespace {

constexpr auto kLeftoverPatience = std::chrono::seconds(1);

}  // namespace

Channel::Channel(uv_loop_t& loop, Events events)
    : loop_(loop),
      events_(std::move(events)),
      command_(loop,
               [this](const Ending&) {
                 patience_.start(kLeftoverPatience);
                 check_end();
               }),
      patience_(loop, [this] {
        from_server_->close();
        check_end();
      }) {}

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
  to_server_.emplace(loop_, std::move(in->write_end),
                     Writer::Events{.progress = [] {}, .failed = [](const subunit::Error&) {}});
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
  if (ended_ || command_.running() || !from_server_->closed()) return;
  ended_ = true;
  patience_.stop();
  events_.ended();
}

}  // namespace proxy
