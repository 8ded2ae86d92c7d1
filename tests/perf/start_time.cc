// start_time COUNT TEXT COMMAND...: starts COMMAND, COUNT times, and prints the median time in
// milliseconds from the start until TEXT has come from its stdout.
//
// "@PORT" in a word of COMMAND stands for a port of this program's own. Who connects there is sent
// a packet with the test id "first-byte" at once.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "tests/perf/packets.h"

namespace {

/// The port that it got.
std::string listen_on_loopback(int listener) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 16) != 0 ||
      ::getsockname(listener, generic, &size) != 0)
    perf::die("cannot listen");
  return std::to_string(ntohs(address.sin_port));
}

/// Greets who connects until `text` has come from `output`.
void wait_for(std::string_view text, int output, int listener, perf::Bytes greeting) {
  std::string seen;
  int connection = -1;
  while (seen.find(text) == std::string::npos) {
    pollfd waiting[] = {{output, POLLIN, 0}, {listener, POLLIN, 0}};
    if (::poll(waiting, 2, 10'000) <= 0) perf::die("nothing came");
    if (waiting[1].revents) {
      connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      perf::write_all(connection, greeting);
    }
    if (waiting[0].revents) {
      char piece[4096];
      const ssize_t got = ::read(output, piece, sizeof piece);
      if (got <= 0) perf::die("the command has ended");
      seen.append(piece, static_cast<std::size_t>(got));
    }
  }
  if (connection >= 0) ::close(connection);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<double> times(std::stoul(argv[1]));
  const std::string_view text = argv[2];
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::string port = listen_on_loopback(listener);
  perf::Buffer greeting;
  if (!subunit::encode({.test_id = "first-byte", .status = subunit::Status::kExists}, greeting))
    perf::die("cannot encode");

  std::vector<std::string> words(argv + 3, argv + argc);
  std::vector<char*> command;
  for (std::string& word : words) {
    if (const auto at = word.find("@PORT"); at != std::string::npos) word.replace(at, 5, port);
    command.push_back(word.data());
  }
  command.push_back(nullptr);

  for (double& time : times) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) perf::die("no pipes");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    // It may complain of how it ends.
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);

    pid_t child = 0;
    const auto start = std::chrono::steady_clock::now();
    if (::posix_spawnp(&child, command[0], &actions, nullptr, command.data(), environ) != 0)
      perf::die("cannot start " + words[0]);
    ::close(out[1]);
    wait_for(text, out[0], listener, greeting);
    time =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();

    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    posix_spawn_file_actions_destroy(&actions);
    for (const int fd : {in[0], in[1], out[0]}) ::close(fd);
    // It may have connected after what was waited for.
    pollfd late{listener, POLLIN, 0};
    while (::poll(&late, 1, 0) > 0) ::close(::accept(listener, nullptr, nullptr));
  }
  std::ranges::sort(times);
  std::printf("%.4f\n", times[times.size() / 2]);
}
