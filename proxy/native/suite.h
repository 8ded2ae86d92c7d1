#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proxy/native/reporter.h"

namespace proxy::native {

struct Test {
  std::string id;  ///< text for a packet, and no other test of the program has it
  std::vector<std::string> tags;
  bool by_default = true;  ///< it is listed, and is in a Run of all tests
};

/// Tests by their place in tests().
using Places = std::vector<std::size_t>;

/// The tests of this program, as a test framework has them.
class Suite {
 public:
  virtual ~Suite() = default;

  /// The framework's name, for messages.
  [[nodiscard]] virtual const char* framework() const = 0;

  /// In the order in which the framework runs them. The same at every start of the program.
  [[nodiscard]] virtual const std::vector<Test>& tests() const = 0;

  /// Runs these tests, of which there is at least one, in this process: may be called again and
  /// again. `which` ascends. The Reporter hears of the start and the end of each of them, unless it
  /// is stopped.
  virtual void run(const Places& which, Reporter& reporter) = 0;
};

}  // namespace proxy::native
