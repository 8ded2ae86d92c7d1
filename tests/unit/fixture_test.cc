#include "common/verdict/fixture.h"

#include <doctest/doctest.h>

using namespace subunit;

TEST_CASE("fixtures of classes and modules are told from tests") {
  for (const char* id :
       {"setUpClass (a.Case)", "tearDownClass (a.Case)", "setUpModule (a)", "tearDownModule (a.b)"})
    CHECK(is_fixture(id));
  for (const char* id : {"", "a.Case.test", "setUpClass", "setUpClass (a.Case", "a.setUpClass (b)",
                         "setUpClasses (a)", "a.Case.test (setUpClass)"})
    CHECK(!is_fixture(id));
}
