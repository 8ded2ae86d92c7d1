#include "common/verdict/fixture.h"

#include <algorithm>
#include <array>

namespace subunit {

bool is_fixture(std::string_view test_id) {
  constexpr std::array<std::string_view, 4> kBeginnings = {"setUpClass (", "tearDownClass (",
                                                           "setUpModule (", "tearDownModule ("};
  return test_id.ends_with(')') &&
         std::ranges::any_of(kBeginnings, [test_id](std::string_view beginning) {
           return test_id.starts_with(beginning);
         });
}

}  // namespace subunit
