// delaying_relay MILLISECONDS COMMAND...: COMMAND's stdin and stdout, but everything arrives that
// much later, in both directions, as over a line that is long and as wide as one likes.

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <deque>

#include "tests/perf/packets.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadSize = 65536;

/// One direction. Not bounded: the benchmark knows what it sends.
class Line {
 public:
  Line(int in, int out, Clock::duration delay) : in_(in), out_(out), delay_(delay) {}

  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] pollfd wish() const { return {ended_ ? -1 : in_, POLLIN, 0}; }
  [[nodiscard]] Clock::time_point due() const {
    return pieces_.empty() ? Clock::time_point::max() : pieces_.front().due;
  }

  void read() {
    perf::Buffer bytes(kReadSize);
    const ssize_t got = ::read(in_, bytes.data(), bytes.size());
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    ended_ = bytes.empty();
    pieces_.push_back({Clock::now() + delay_, std::move(bytes)});  // the end takes its time as well
  }

  void write_due() {
    for (; !pieces_.empty() && due() <= Clock::now(); pieces_.pop_front()) {
      if (const perf::Buffer& bytes = pieces_.front().bytes; !bytes.empty()) {
        perf::write_all(out_, bytes);
      } else {
        ::close(out_);
        over_ = true;
      }
    }
  }

 private:
  struct Piece {
    Clock::time_point due;
    perf::Buffer bytes;
  };

  int in_, out_;
  Clock::duration delay_;
  std::deque<Piece> pieces_;
  bool ended_ = false;
  bool over_ = false;
};

pid_t start(char** command, int in, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t child = 0;
  if (::posix_spawnp(&child, command[0], &actions, nullptr, command, environ) != 0)
    perf::die(std::string("cannot start ") + command[0]);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in);
  ::close(out);
  return child;
}

/// Until something can be read, or is to be written.
void wait(std::span<pollfd> wishes, Clock::time_point due) {
  if (due == Clock::time_point::max()) {
    ::poll(wishes.data(), wishes.size(), -1);
    return;
  }
  const auto left = std::max(due - Clock::now(), Clock::duration::zero());
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
  const timespec timeout{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  ::ppoll(wishes.data(), wishes.size(), &timeout, nullptr);
}

}  // namespace

int main(int, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  int to_child[2], from_child[2];
  if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0)
    perf::die("no pipes");
  const pid_t child = start(argv + 2, to_child[0], from_child[1]);
  const std::chrono::milliseconds delay(std::stoul(argv[1]));
  Line there(STDIN_FILENO, to_child[1], delay), back(from_child[0], STDOUT_FILENO, delay);
  while (!back.over()) {
    pollfd wishes[] = {there.wish(), back.wish()};
    wait(wishes, std::min(there.due(), back.due()));
    if (wishes[0].revents) there.read();
    if (wishes[1].revents) back.read();
    there.write_due();
    back.write_due();
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
