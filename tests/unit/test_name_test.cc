#include "common/report/ci/test_name.h"

#include <doctest/doctest.h>

using namespace subunit::report;

namespace {

std::string split(std::string_view id) {
  const TestName name = split_id(id);
  return name.class_name + " | " + name.name;
}

}  // namespace

TEST_CASE("ids of unittest and GoogleTest are split at the last dot outside of brackets") {
  CHECK(split("package.module.Class.test") == "package.module.Class | test");
  CHECK(split("module.Class.test(a.b)") == "module.Class | test(a.b)");
  CHECK(split("module.Class.test (version 1.2)") == "module.Class | test (version 1.2)");
  CHECK(split("Param/Suite.Name/1") == "Param/Suite | Name/1");
  CHECK(split("setUpClass (module.Class)") == "module.Class | setUpClass");
  CHECK(split("TearDownTestSuite (Suite/0)") == "Suite/0 | TearDownTestSuite");
}

TEST_CASE("node ids of pytest are split at the last colons outside of brackets") {
  CHECK(split("tests/test_net.py::test_dns") == "tests.test_net | test_dns");
  CHECK(split("test_a.py::TestB::TestC::test_d[x::y.z]") == "test_a.TestB.TestC | test_d[x::y.z]");
  CHECK(split("a/b.py::test[a b]") == "a.b | test[a b]");
}

TEST_CASE("other ids are names as a whole") {
  for (const char* id : {"sums up 1.5 and 2", "std::vector", "file.cc: a test case", "name", "a.",
                         ".b", "", "does (this. that)"})
    CHECK(split(id) == std::string(" | ") + id);
}
