#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "../subunit/packet.h"

namespace subunit::verdict {

/// Whether `test_id` is no test, but what Python's unittest calls a fixture of a class or module
/// where that fails or skips: setUpClass, tearDownClass, setUpModule or tearDownModule, and then
/// " (module.Class)" or " (module)".
[[nodiscard]] bool is_fixture(std::string_view test_id);

/// The fixtures that were reported in one Run. unittest runs no test of a class or module
/// that is not set up, and says nothing else of them.
class Fixtures {
 public:
  /// A packet of results.
  void record(const Packet& packet);

  /// Appends the packet that ends `test_id`, "module.Class.method", which has no result: as the
  /// fixture did that comes before it. False if none is known that has failed or skipped.
  [[nodiscard]] bool answer(std::string_view test_id, std::optional<Timestamp> when,
                            Buffer& out) const;

 private:
  std::map<std::string, Status, std::less<>> outcomes_;  // kFail or kSkip, by id
};

}  // namespace subunit::verdict
