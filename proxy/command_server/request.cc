#include "proxy/command_server/request.h"

#include <csignal>
#include <cstring>

#include "common/subunit/encoder.h"
#include "proxy/io/handle.h"
#include "proxy/wrap/wrapped_command.h"

namespace proxy {

using subunit::Packet;
using subunit::Result;
using subunit::command::Answer;
using subunit::command::CommandEnd;
using subunit::command::CommandTemplate;
using subunit::command::Fate;
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
  const std::string text = "the command " + ending.text();
  return name ? fmt::format("{} (SIG{})", text, name) : text;
}

}  // namespace

Request::Request(uv_loop_t& loop, const Suite& suite, const TemporaryFolder& folder, Answer answer,
                 Writer& to, const Log& log, Ended ended)
    : loop_(loop),
      suite_(suite),
      folder_(folder),
      answer_(std::move(answer)),
      to_(to),
      log_(log),
      ended_(std::move(ended)),
      end_timer_(loop, [this] { end(end_without_command_); }) {}

void Request::start() {
  const bool nothing_asked = std::visit([](const auto& each) { return each.empty(); }, answer_);
  const auto started = nothing_asked ? Result<>() : start_command();
  if (!nothing_asked && started) return;
  if (!started) end_without_command_ = {.clean = false, .text = started.error().text};
  end_timer_.start(subunit::Time(0));
}

Result<> Request::start_command() {
  struct Start {
    Request& self;
    Result<> operator()(const CommandTemplate& given) const { return self.start_template(given); }
    Result<> operator()(const CommandServerOptions::Program& given) const {
      return self.start_program(given);
    }
  };
  return std::visit(Start{*this}, suite_.options.command);
}

Result<> Request::start_template(const CommandTemplate& command_template) {
  auto line = command_line(command_template);
  if (!line) return tl::unexpected(line.error());
  auto words = shell_words(std::move(*line));
  if (!words) return tl::unexpected(words.error());
  auto command = std::make_unique<WrappedCommand>(loop_, to_, log_, command_events());
  WrappedCommand& wrapped = *command;
  command_ = std::move(command);
  return wrapped.start_with_stderr({.words = std::move(*words), .own_session = true});
}

Result<> Request::start_program(const CommandServerOptions::Program& program) {
  auto command = std::make_unique<AdaptedCommand>(loop_, to_, log_, folder_, command_events());
  program_ = command.get();
  command_ = std::move(command);
  const auto* const run = std::get_if<RunAnswer>(&answer_);
  return run ? program_->run(program.words, *suite_.adapter, run->to_run().value())
             : program_->list(program.words, *suite_.adapter);
}

CapturedCommand::Events Request::command_events() {
  return {.ended = [this](const Ending& ending) { command_ended(ending); },
          .packet =
              [this](const Packet& packet) {
                return std::visit([&packet](auto& each) { return each.take(packet); }, answer_);
              }};
}

Result<std::string> Request::command_line(const CommandTemplate& command_template) {
  const auto* const run = std::get_if<RunAnswer>(&answer_);
  if (!run) return command_template.list();
  const subunit::rpc::TestIds& tests = run->to_run();
  if (!tests) return command_template.run_all();
  std::string id_file;
  if (command_template.uses_id_file()) {
    std::string lines;
    for (const std::string& id : *tests) lines.append(id).append("\n");
    auto path = folder_.write("ids", lines);
    if (!path) return path;
    id_file = std::move(*path);
  }
  return command_template.run(*tests, id_file);
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
  if (command_) command_->terminate(grace);
}

void Request::command_ended(const Ending& ending) {
  CommandEnd how{.clean = ending.exit == 0,
                 .text = text_of(ending),
                 .last_output = command_->last_output(),
                 .killed = ending.signal || signal_name(ending)};
  how.killed |= program_ && program_->has_crashed();
  how.clean |= program_ && !how.killed && program_->others_have_failed();
  const bool lists = program_ && !std::holds_alternative<RunAnswer>(answer_);
  if (lists && !cancelled_ && !learn_tests(how)) {
    // The same once more, in another way.
    rest_ = std::move(answer_);
    return ended_({});
  }
  end(how);
}

/// False if they are to be listed in another way.
bool Request::learn_tests(CommandEnd& how) {
  const auto learnt = suite_.adapter->learn(program_->remains());
  if (!learnt) {
    if (suite_.adapter->lists_otherwise()) return false;
    how.clean = false;
    how.text += "; " + learnt.error().text;
    return true;
  }
  how.clean = true;
  for (const subunit::adapter::ListedTest& test : suite_.adapter->tests()) {
    if (test.hidden && !std::holds_alternative<subunit::command::ListAnswer>(answer_)) continue;
    const std::vector<std::string_view> tags(test.tags.begin(), test.tags.end());
    subunit::Buffer bytes;
    const auto encoded =
        subunit::encode({.test_id = test.id, .status = subunit::Status::kExists}, tags, bytes);
    if (!encoded) {
      log_.warning("a test of the program: {}", encoded.error().text);
      continue;
    }
    const bool passes = std::visit(
        [&bytes](auto& each) { return each.take(*subunit::parse_packet(bytes)) == Fate::kPass; },
        answer_);
    if (passes && !test.hidden) to_.send(bytes);
  }
  return true;
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
