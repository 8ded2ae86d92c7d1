#include "common/report/traceback.h"

#include <doctest/doctest.h>

using namespace subunit::report;

namespace {

const std::string kHead = "Traceback (most recent call last):\n";
const std::string kOwn =
    "  File \"/home/me/suite/test_it.py\", line 4, in test_it\n"
    "    self.fail(\"x\")\n"
    "    ^^^^^^^^^^^^^^\n";
const std::string kUnittest =
    "  File \"/usr/lib/python3.11/unittest/case.py\", line 703, in fail\n"
    "    raise self.failureException(msg)\n";
const std::string kTesttools =
    "  File \"/usr/lib/python3/dist-packages/testtools/testcase.py\", line 511, in assertThat\n"
    "    raise mismatch_error\n";
const std::string kEnd = "AssertionError: x\n";

}  // namespace

TEST_CASE("frames of a framework are left out of a traceback, wherever they stand in it") {
  CHECK(without_framework_frames(kHead + kOwn + kUnittest + kEnd) == kHead + kOwn + kEnd);
  CHECK(without_framework_frames(kHead + kTesttools + kUnittest + kOwn + kTesttools + kEnd) ==
        kHead + kOwn + kEnd);
  CHECK(without_framework_frames(kHead + kOwn + kOwn + kEnd) == kHead + kOwn + kOwn + kEnd);
}

TEST_CASE("a traceback that has no other frames stays as it is") {
  const std::string text = kHead + kUnittest + kTesttools + kEnd;
  CHECK(without_framework_frames(text) == text);
}

TEST_CASE("each traceback of several is looked at for itself") {
  const std::string cause = "\nThe above exception was the direct cause of the following one:\n\n";
  CHECK(without_framework_frames(kHead + kUnittest + kEnd + cause + kHead + kOwn + kUnittest +
                                 kEnd) == kHead + kUnittest + kEnd + cause + kHead + kOwn + kEnd);
}

TEST_CASE("a suite that has a folder of such a name keeps its frames") {
  const std::string own =
      "  File \"/home/me/unittest/test_it.py\", line 4, in test_it\n    self.fail()\n";
  CHECK(without_framework_frames(kHead + own + kUnittest + kEnd) == kHead + own + kEnd);
}

TEST_CASE("frames of an exception group are found behind their bar") {
  const std::string group = "  | Traceback (most recent call last):\n";
  const std::string own = "  |   File \"/home/me/test_it.py\", line 4, in f\n  |     f()\n";
  const std::string other =
      "  |   File \"/usr/lib/python3.11/unittest/case.py\", line 7, in g\n  |     g()\n";
  CHECK(without_framework_frames(group + own + other + "  | E: x\n") == group + own + "  | E: x\n");
}

TEST_CASE("what only looks like a traceback, or is cut off, stays as it is") {
  for (const std::string& text :
       {std::string(), kHead, "text\n" + kUnittest, kHead + "text\n" + kUnittest,
        kHead + kOwn + kOwn.substr(0, 30), kOwn + kUnittest, std::string("\n\n  File \"")})
    CHECK(without_framework_frames(text) == text);
}
