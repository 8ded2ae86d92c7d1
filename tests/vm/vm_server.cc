// vm_server COUNT: a test server for a machine without Python. Every tenth test prints a line, and
// test 7 prints each byte value once.

#include <fmt/format.h>

#include "tests/perf/small_server.h"

namespace {

void print(std::size_t number) {
  if (number % 10 == 0)
    perf::write_all(STDOUT_FILENO, subunit::as_bytes(fmt::format("output of test {}\n", number)));
  if (number != 7) return;
  perf::Buffer all(256);
  for (std::size_t value = 0; value < all.size(); ++value)
    all[value] = static_cast<std::uint8_t>(value);
  perf::write_all(STDOUT_FILENO, all);
}

}  // namespace

int main(int, char** argv) {
  std::vector<std::string> ids;
  for (std::size_t number = 0; number < std::stoul(argv[1]); ++number)
    ids.push_back(fmt::format("vm.Printing.test_{:05}", number));
  perf::SmallServer(std::move(ids), print).serve();
}
