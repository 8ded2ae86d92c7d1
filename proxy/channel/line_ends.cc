#include "proxy/channel/line_ends.h"

#include <cerrno>
#include <cstring>

#include "proxy/posix/stdio.h"
#include "proxy/terminal/terminal.h"

namespace proxy {

using subunit::Result;

namespace {

Result<LineEnds> start_on_pipes(Child& child, Command command) {
  auto in = Pipe::create(kPipeCapacity);
  if (!in) return tl::unexpected(in.error());
  auto out = Pipe::create(kPipeCapacity);
  if (!out) return tl::unexpected(out.error());
  command.in = in->read_end.get();
  command.out = out->write_end.get();
  command.ignores_interrupt = true;
  if (auto started = child.start(command); !started) return tl::unexpected(started.error());
  return LineEnds{.in = std::move(out->read_end), .out = std::move(in->write_end)};
}

Result<LineEnds> start_on_terminal(Child& child, Command command, bool returns_end_lines) {
  auto terminal = PseudoTerminal::create(returns_end_lines);
  if (!terminal) return tl::unexpected(terminal.error());
  command.terminal = terminal->path;
  if (auto started = child.start(command); !started) return tl::unexpected(started.error());
  Fd in = duplicate(terminal->master.get());
  if (!in) return subunit::error("cannot use a pseudo-terminal: {}", std::strerror(errno));
  return LineEnds{.in = std::move(in), .out = std::move(terminal->master)};
}

}  // namespace

Result<LineEnds> start_on_line(Child& child, const std::vector<std::string>& command,
                               const LineOptions& options) {
  Command words{.words = command, .folder = options.folder};
  if (options.pty) return start_on_terminal(child, std::move(words), !options.console.empty());
  return start_on_pipes(child, std::move(words));
}

}  // namespace proxy
