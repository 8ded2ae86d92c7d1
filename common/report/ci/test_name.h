#pragma once

#include <string>
#include <string_view>

namespace subunit::report {

/// A test id as others file it: classes, within packages, and the names of their tests.
struct TestName {
  std::string class_name;  ///< with dots; "" if the id tells none
  std::string name;
};

/// Whether the id is no test, but names what is done for several tests, where that has failed:
/// "setUpClass (module.Class)" of unittest, "TearDownTestSuite (Suite)" of GoogleTest.
[[nodiscard]] bool is_of_fixture(std::string_view id);

/// Splits an id at the last dot or "::" that is not within brackets, where it is
///
///     module.Class.test (scenario.1)          of unittest, or Suite.Name of GoogleTest
///     setUpClass (module.Class)               of a fixture
///     tests/test_net.py::TestDns::test[a.b]   of pytest: the class is tests.test_net.TestDns
///
/// Every other id, such as a sentence, is a name as a whole.
[[nodiscard]] TestName split_id(std::string_view id);

}  // namespace subunit::report
