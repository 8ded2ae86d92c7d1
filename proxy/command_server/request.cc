#include "proxy/command_server/request.h"

#include <csignal>
#include <cstring>

#include "proxy/io/handle.h"

namespace proxy {

using subunit::Packet;
using subunit::Result;
using subunit::command::Answer;
using subunit::command::CommandEnd;
using subunit::command::RunAnswer;

namespace {

// The kernel takes no longer word in a command (MAX_ARG_STRLEN of execve(2), with 4 KiB pages).
constexpr std::size_t kMaxWord = (128 << 10) - 1;

/// Of "exited with status 139": a shell's way to say that its command was killed by SIGSEGV.
const char* signal_name(const Ending& ending) {
  const int signal = ending.exit.value_or(0) - 128;
  return signal > 0 ? ::sigabbrev_np(signal) : nullptr;
}

std::string text_of(const Ending& ending) {
  const char* const name = signal_name(ending);
  return name ? fmt::format("{} (SIG{})", ending.text(), name) : ending.text();
}

}  // namespace

Request::Request(uv_loop_t& loop, const subunit::command::CommandTemplate& command,
                 const TemporaryFolder& folder, Answer answer, Writer& to, const Log& log,
                 Ended ended)
    : template_(command),
      folder_(folder),
      answer_(std::move(answer)),
      to_(to),
      ended_(std::move(ended)),
      command_(loop, to, log,
               {.ended =
                    [this](const Ending& ending) {
                      end({.clean = ending.exit == 0,
                           .text = text_of(ending),
                           .last_output = command_.last_output(),
                           .killed = ending.signal || signal_name(ending)});
                    },
                .packet =
                    [this](const Packet& packet) {
                      return std::visit([&packet](auto& each) { return each.take(packet); },
                                        answer_);
                    }}),
      end_timer_(loop, [this] { end(end_without_command_); }) {}

void Request::start() {
  const bool nothing_asked = std::visit([](const auto& each) { return each.empty(); }, answer_);
  const auto started = nothing_asked ? Result<>() : start_command();
  if (!nothing_asked && started) return;
  if (!started) {
    end_without_command_ = {.clean = false,
                            .text = "could not be started: " + started.error().text};
  }
  end_timer_.start(subunit::Time(0));
}

Result<> Request::start_command() {
  auto line = command_line();
  if (!line) return tl::unexpected(line.error());
  auto words = shell_words(std::move(*line));
  if (!words) return tl::unexpected(words.error());
  return command_.start_with_stderr({.words = std::move(*words), .own_session = true});
}

Result<std::string> Request::command_line() {
  const auto* const run = std::get_if<RunAnswer>(&answer_);
  if (!run) return template_.list();
  const subunit::rpc::TestIds& tests = run->to_run();
  if (!tests) return template_.run_all();
  std::string id_file;
  if (template_.uses_id_file()) {
    std::string lines;
    for (const std::string& id : *tests) lines.append(id).append("\n");
    auto path = folder_.write("ids", lines);
    if (!path) return path;
    id_file = std::move(*path);
  }
  return template_.run(*tests, id_file);
}

/// As system(3) runs a command, but that one with very many ids goes by way of a file.
Result<std::vector<std::string>> Request::shell_words(std::string line) {
  if (line.size() <= kMaxWord) return std::vector<std::string>{"/bin/sh", "-c", std::move(line)};
  return folder_.write("command", line).map([](std::string path) {
    return std::vector<std::string>{"/bin/sh", std::move(path)};
  });
}

void Request::cancel(subunit::Time grace) {
  cancelled_ = true;
  rest_.reset();
  command_.terminate(grace);
}

void Request::end(const CommandEnd& how) {
  if (cancelled_) return ended_({});
  subunit::Buffer packets;
  Result<> result =
      std::visit([&](auto& answer) { return answer.end(how, wall_clock(), packets); }, answer_);
  to_.send(packets);
  rest_ = subunit::command::rest_of(answer_);
  ended_(std::move(result));
}

}  // namespace proxy
