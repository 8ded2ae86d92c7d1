#include "common/report/ci/source_place.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <set>

using namespace subunit::report;

namespace {

/// "file:line", and " here" if there is such a file.
std::string place(std::string_view text, const std::set<std::string>& files = {}) {
  const SourcePlaces places("/home/me/work",
                            [&files](const std::string& file) { return files.contains(file); });
  const auto found = places.find(text);
  if (!found) return "";
  return fmt::format("{}:{}{}", found->file, found->line, found->is_here ? " here" : "");
}

}  // namespace

TEST_CASE("of a Python traceback, the deepest frame in a file of the suite is the place") {
  CHECK(place("Traceback (most recent call last):\n"
              "  File \"/home/me/work/tests/test_a.py\", line 3, in test\n    helper()\n"
              "  File \"/home/me/work/tests/support.py\", line 12, in helper\n    assertEqual()\n"
              "  File \"/usr/lib/python3.11/unittest/case.py\", line 873, in assertEqual\n    x\n"
              "  File \"/venv/lib/python3.11/site-packages/lib/a.py\", line 1, in f\n"
              "  File \"<string>\", line 1, in <module>\n"
              "AssertionError: 1 != 2\n",
              {"tests/test_a.py", "tests/support.py"}) == "tests/support.py:12 here");
}

TEST_CASE("of a chain of exceptions it is the last one's") {
  CHECK(
      place("Traceback (most recent call last):\n  File \"/a/b.py\", line 3, in f\nKeyError: 1\n\n"
            "During handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n  File \"/a/b.py\", line 5, in g\nOSError\n") ==
      "/a/b.py:5");
  CHECK(place("  | Traceback (most recent call last):\n  |   File \"/a/b.py\", line 7, in f\n") ==
        "/a/b.py:7");
}

TEST_CASE("pytest's place is the last one that is not of a library") {
  CHECK(place(">       helper()\n\ntests/test_a.py:8: \n_ _ _\n\n>   x\nE   ValueError\n\n"
              "tests/help.py:2: ValueError\n/usr/lib/python3.11/json/decoder.py:9: ValueError") ==
        "tests/help.py:2");
}

TEST_CASE("of several failures of a C++ test the first one is the place") {
  CHECK(place("../t/a.cc:30: Failure\nExpected\n../t/a.cc:32: Failure\n", {"t/a.cc"}) ==
        "t/a.cc:30 here");
  CHECK(place("in left:\n/src/a.cpp:7: ERROR: CHECK( x )\n") == "/src/a.cpp:7");
  CHECK(place("#   Failed test 'x'\n#   at t/net.t line 12.\n") == "t/net.t:12");
}

TEST_CASE("text that only looks like a place is none") {
  for (const char* text : {"", "12:30: lunch", "http://host.example:80/x", "a b.c:1: x",
                           "a.cc:x:", "File \"a.py\", line x", "\"q\".cc:1: x"})
    CHECK(place(text).empty());
  CHECK(place("a.cc:99999999999999999999999: x") == "a.cc:0");
}

TEST_CASE("a path of another machine is that of the same file here") {
  const auto frame = [](std::string_view file) {
    return fmt::format("  File \"{}\", line 1, in f\n", file);
  };
  CHECK(place(frame("/root/trees/ab/tests/test_a.py"), {"tests/test_a.py"}) ==
        "tests/test_a.py:1 here");
  CHECK(place(frame("/root/test_a.py"), {"test_a.py"}) == "test_a.py:1 here");
  CHECK(place(frame("./test_a.py"), {"test_a.py"}) == "test_a.py:1 here");
  CHECK(place(frame("/home/me/work/gone.py")) == "gone.py:1");
  CHECK(place(frame("/home/me/worker/x.py")) == "/home/me/worker/x.py:1");
  CHECK(place(frame("/x/../etc/passwd.py"), {"../etc/passwd.py", "etc/passwd.py"}) ==
        "etc/passwd.py:1 here");
}
