// null_server COUNT: a test server whose COUNT tests pass at once.

#include <fmt/core.h>

#include "tests/perf/small_server.h"

int main(int, char** argv) {
  std::vector<std::string> ids;
  for (std::size_t number = 0; number < std::stoul(argv[1]); ++number)
    ids.push_back(fmt::format("package.module.Class.test_{:06}", number));
  perf::SmallServer(std::move(ids)).serve();
}
