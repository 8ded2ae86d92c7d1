#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "common/command/answer.h"
#include "common/command/command_template.h"
#include "proxy/command_server/adapted_command.h"
#include "proxy/command_server/command_server.h"
#include "proxy/command_server/temporary_folder.h"

namespace proxy {

/// What commands there are for a suite.
struct Suite {
  const CommandServerOptions& options;
  std::unique_ptr<subunit::adapter::Adapter> adapter;  ///< of options.command, if it is a Program
};

/// One List or Run, or a part of it, answered by one command.
class Request {
 public:
  /// Called once, in a later turn of the loop than start(): everything but Done is with the Writer.
  /// An Error if the request could not be carried out.
  using Ended = std::function<void(subunit::Result<>)>;

  /// `folder` is for the files of one request at a time.
  Request(uv_loop_t& loop, const Suite& suite, const TemporaryFolder& folder,
          subunit::command::Answer answer, Writer& to, const Log& log, Ended ended);

  void start();

  /// To be called when the Writer has made progress.
  void regulate() {
    if (command_) command_->regulate();
  }

  /// After Ended: what is left to be asked of another command before the request is answered. Once.
  [[nodiscard]] std::optional<subunit::command::Answer> take_rest() {
    return std::exchange(rest_, std::nullopt);
  }

  /// Ends the command: TERM, and KILL after `grace`. Ended is called all the same; tests that have
  /// not started get no result, and nothing is left for another one.
  void cancel(subunit::Time grace);

  /// The same with what a command that has ended has left behind.
  void end_leftovers(subunit::Time grace) {
    if (command_) command_->terminate(grace);
  }

  /// The Writer takes nothing any more.
  void stop_reading() {
    if (command_) command_->stop_reading();
  }

  /// The process group of the command, if there is one.
  [[nodiscard]] std::optional<pid_t> group() const {
    return command_ && command_->pid() > 0 ? std::optional(command_->pid()) : std::nullopt;
  }

  /// True while any of the command's processes is left, which may be so after its end.
  [[nodiscard]] bool processes_left() const { return command_ && command_->group_alive(); }

 private:
  [[nodiscard]] subunit::Result<> start_command();
  [[nodiscard]] subunit::Result<> start_template(
      const subunit::command::CommandTemplate& command_template);
  [[nodiscard]] subunit::Result<> start_program(const CommandServerOptions::Program& program);
  [[nodiscard]] subunit::Result<std::string> command_line(
      const subunit::command::CommandTemplate& command_template);
  [[nodiscard]] subunit::Result<std::vector<std::string>> shell_words(std::string line);
  [[nodiscard]] CapturedCommand::Events command_events();
  void command_ended(const Ending& ending);
  [[nodiscard]] bool learn_tests(subunit::command::CommandEnd& how);
  void end(const subunit::command::CommandEnd& how);

  uv_loop_t& loop_;
  const Suite& suite_;
  const TemporaryFolder& folder_;
  subunit::command::Answer answer_;
  std::optional<subunit::command::Answer> rest_;
  Writer& to_;
  const Log& log_;
  Ended ended_;
  bool cancelled_ = false;
  std::unique_ptr<CapturedCommand> command_;
  AdaptedCommand* program_ = nullptr;  // command_, if it is one
  subunit::command::CommandEnd end_without_command_;
  Timer end_timer_;
};

}  // namespace proxy
