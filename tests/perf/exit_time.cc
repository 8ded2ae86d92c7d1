// exit_time COUNT COMMAND...: runs COMMAND, COUNT times, with its stdout going nowhere, and prints
// the median time in milliseconds from the start to the end.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/perf/packets.h"

int main(int, char** argv) {
  std::vector<double> times(std::stoul(argv[1]));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  for (double& time : times) {
    pid_t child = 0;
    int status = 0;
    const auto start = std::chrono::steady_clock::now();
    if (::posix_spawn(&child, argv[2], &actions, nullptr, argv + 2, environ) != 0 ||
        ::waitpid(child, &status, 0) != child || status != 0)
      perf::die(std::string("cannot run ") + argv[2]);
    time =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  std::ranges::sort(times);
  std::printf("%.4f\n", times[times.size() / 2]);
}
