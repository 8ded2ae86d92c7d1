// printing_server COUNT: a test server for machines without Python. Every tenth test prints a line,
// and test 7 prints each byte value once.

#include <fmt/core.h>
#include <sys/ioctl.h>

#include "tests/perf/small_server.h"

namespace {

void print(subunit::Bytes bytes) {
  perf::write_all(STDOUT_FILENO, bytes);
  // Until it was read: what ends the test must not overtake it.
  for (int unread = 1; ::ioctl(STDOUT_FILENO, FIONREAD, &unread) == 0 && unread > 0;) ::usleep(20);
}

void run(std::size_t number) {
  if (number % 10 == 0) print(subunit::as_bytes(fmt::format("output of test {}\n", number)));
  if (number != 7) return;
  perf::Buffer all(256);
  for (std::size_t value = 0; value < all.size(); ++value)
    all[value] = static_cast<std::uint8_t>(value);
  print(all);
}

}  // namespace

int main(int, char** argv) {
  std::vector<std::string> ids;
  for (std::size_t number = 0; number < std::stoul(argv[1]); ++number)
    ids.push_back(fmt::format("Printing.test_{:05}", number));
  perf::SmallServer(std::move(ids), run).serve();
}
