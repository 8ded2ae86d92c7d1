#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "common/command/answer.h"
#include "common/command/command_template.h"
#include "proxy/command_server/temporary_folder.h"
#include "proxy/wrap/wrapped_command.h"

namespace proxy {

/// One List or Run, answered by one command.
class Request {
 public:
  /// Called once, in a later turn of the loop than start(): everything but Done is with the Writer.
  /// An Error if the request could not be carried out.
  using Ended = std::function<void(subunit::Result<>)>;

  /// `folder` is for the files of one request at a time.
  Request(uv_loop_t& loop, const subunit::command::CommandTemplate& command,
          const TemporaryFolder& folder, subunit::command::Answer answer, Writer& to,
          const Log& log, Ended ended);

  void start();

  /// To be called when the Writer has made progress.
  void regulate() { command_.regulate(); }

  /// After Ended: what is left to be asked of another command before the request is answered. Once.
  [[nodiscard]] std::optional<subunit::command::Answer> take_rest() {
    return std::exchange(rest_, std::nullopt);
  }

  /// Ends the command: TERM, and KILL after `grace`. Ended is called all the same; tests that have
  /// not started get no result, and nothing is left for another one.
  void cancel(subunit::Time grace);

  /// The same with what a command that has ended has left behind.
  void end_leftovers(subunit::Time grace) { command_.terminate(grace); }

  /// The Writer takes nothing any more.
  void stop_reading() { command_.stop_reading(); }

  /// The process group of the command, if there is one.
  [[nodiscard]] std::optional<pid_t> group() const {
    return command_.pid() > 0 ? std::optional(command_.pid()) : std::nullopt;
  }

  /// True while any of the command's processes is left, which may be so after its end.
  [[nodiscard]] bool processes_left() const { return command_.group_alive(); }

 private:
  [[nodiscard]] subunit::Result<> start_command();
  [[nodiscard]] subunit::Result<std::string> command_line();
  [[nodiscard]] subunit::Result<std::vector<std::string>> shell_words(std::string line);
  void end(const subunit::command::CommandEnd& how);

  const subunit::command::CommandTemplate& template_;
  const TemporaryFolder& folder_;
  subunit::command::Answer answer_;
  std::optional<subunit::command::Answer> rest_;
  Writer& to_;
  Ended ended_;
  bool cancelled_ = false;
  WrappedCommand command_;
  subunit::command::CommandEnd end_without_command_;
  Timer end_timer_;
};

}  // namespace proxy
