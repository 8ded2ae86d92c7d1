#include "proxy/run/hook_process.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace proxy {

using subunit::Bytes;
using subunit::Result;
using subunit::Time;

HookProcess::HookProcess(uv_loop_t& loop, Events events)
    : loop_(loop),
      events_(std::move(events)),
      child_(loop, [this](const Ending&) { check_end(); }),
      step_timer_(loop, [this] { step(); }) {}

Result<> HookProcess::start(const subunit::run::Hooks::Start& command) {
  auto output = Pipe::create();
  if (!output) return tl::unexpected(output.error());
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return subunit::error("cannot open \"/dev/null\": {}", std::strerror(errno));
  Command words{.words = {"/bin/sh", "-c", command.command.text},
                .in = null.get(),
                .out = output->write_end.get(),
                .err = output->write_end.get(),
                .own_session = true,
                .folder = command.command.folder};
  for (const auto& [name, value] : command.variables) words.settings.emplace_back(name, value);
  if (auto started = child_.start(words); !started) return started;
  family_.add_session(child_.pid());
  output_.emplace(loop_, std::move(output->read_end),
                  Reader::Events{.room = [this] { return std::span(room_); },
                                 .received =
                                     [this](std::size_t size) {
                                       events_.printed({room_.data(), size});
                                     },
                                 .ended = [](const Result<>&) {}});
  output_->resume();
  return {};
}

void HookProcess::stop(Time grace) {
  if (!termination_) {
    termination_.emplace(family_, grace);
  } else if (grace == Time(0)) {
    termination_->hurry();
  }
  step();
}

void HookProcess::step() {
  const Time now = precise_now();
  const auto next = termination_->step(now);
  if (next) return step_timer_.start(*next - now);
  step_timer_.stop();
  if (!child_.running()) check_end();
}

void HookProcess::check_end() {
  if (step_timer_.running()) return;
  if (!output_->closed()) output_->drain();
  const Ending& ending = *child_.ending();
  events_.ended(ending.exit == 0 ? std::nullopt : std::optional(ending.text()));
}

std::string HookProcess::left_running() {
  family_.find();
  return family_.empty() ? "" : family_.describe();
}

}  // namespace proxy
