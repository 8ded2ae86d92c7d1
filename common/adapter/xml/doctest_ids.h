#pragma once

#include <string>
#include <vector>

namespace subunit::adapter {

/// What doctest knows a test case by. Several may have one name.
struct DoctestName {
  std::string file;  ///< as the compiler was given it
  unsigned line;
  std::string name;
};

/// An id for each of them: the first of these that no other test case has.
///
///     NAME
///     stack_test.cc: NAME
///     tests/stack_test.cc: NAME
///     tests/stack_test.cc:12: NAME
///
/// A template for two types of one name makes two test cases that have all of this in common. The
/// second one's id ends in " #2", the third one's in " #3": they are counted in doctest's order.
/// Bytes that do not belong into an id are escaped.
[[nodiscard]] std::vector<std::string> doctest_ids(const std::vector<DoctestName>& names);

}  // namespace subunit::adapter
