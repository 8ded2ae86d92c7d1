#include "proxy/run/hook_process.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace proxy {

using subunit::Bytes;
using subunit::Result;
using subunit::Time;

namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);

}  // namespace

HookProcess::HookProcess(uv_loop_t& loop, Events events)
    : loop_(loop),
      events_(std::move(events)),
      child_(loop, [this](const Ending&) { check_end(); }),
      group_timer_(loop, [this] { check_end(); }) {}

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
  family_.add(child_.pid());
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
  stopped_ = true;
  child_.terminate(grace);
}

void HookProcess::check_end() {
  if (stopped_ && child_.group_alive()) return group_timer_.start(kPoll);
  if (!output_->closed()) output_->drain();
  const Ending& ending = *child_.ending();
  events_.ended(ending.exit == 0 ? std::nullopt : std::optional(ending.text()));
}

std::string HookProcess::left_running() {
  family_.find();
  return family_.empty() ? "" : family_.describe();
}

}  // namespace proxy
