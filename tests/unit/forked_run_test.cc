#include "proxy/native/forked_run.h"

#include <doctest/doctest.h>
#include <signal.h>

#include "common/subunit/decoder.h"
#include "common/subunit/encoder.h"
#include "tests/unit/streams.h"

using namespace proxy::native;
using namespace subunit;

namespace {

constexpr int kSegfault = SIGSEGV;  // as wait statuses
constexpr int kExit3 = 3 << 8;
constexpr Timestamp kNow{1, 0};

const std::vector<Test>& tests() {
  static const std::vector<Test> all = {
      {.id = "a", .tags = {}}, {.id = "b", .tags = {}}, {.id = "c", .tags = {}}};
  return all;
}

/// A Run of a, b and c, and what it has written for the client.
struct Scene {
  ForkedRun run{tests(), {0, 1, 2}};
  Buffer out;

  bool take(const Fields& fields) {
    Buffer packet;
    REQUIRE(encode(fields, packet));
    return run.receive(*parse_packet(packet), out);
  }
  void start(std::string_view id) { take({.test_id = id, .status = Status::kInProgress}); }
  void end(std::string_view id) { take({.test_id = id, .status = Status::kSuccess}); }
  bool note(std::string_view name, std::string_view text = "") {
    return take({.test_id = kNoteId, .file = File{name, as_bytes(text)}});
  }
  /// The statuses written since then, "a inprogress, a fail: reason".
  std::string ended(int wait_status) {
    out.clear();
    run.child_ended(wait_status, kNow, out);
    Decoder decoder;
    decoder.receive(out, Time(0));
    std::string text;
    while (const auto event = decoder.next_event()) {
      const Packet& packet = std::get<Packet>(*event);
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : ", ", *packet.test_id, name_of(packet.status));
      if (packet.file) text += fmt::format(": {}", as_text(packet.file->content));
    }
    return text;
  }
};

}  // namespace

TEST_CASE("a child that has done its Run leaves nothing") {
  Scene scene;
  for (const char* id : {"a", "b", "c"}) {
    scene.start(id);
    scene.end(id);
  }
  CHECK_FALSE(scene.note(kCompleteNote));
  CHECK(scene.run.complete());
  CHECK(scene.ended(0).empty());
  CHECK(scene.run.left().empty());
}

TEST_CASE("the child waits after the start and the end of a test, and not after attachments") {
  Scene scene;
  CHECK(scene.take({.test_id = "a", .status = Status::kInProgress}));
  CHECK_FALSE(scene.take({.test_id = "a", .file = File{"failure", as_bytes("x")}}));
  CHECK(scene.take({.test_id = "a", .status = Status::kFail}));
  CHECK_FALSE(scene.note(kFixtureNote, "f"));
}

TEST_CASE("the test in progress fails with how the process has ended, and the rest is left") {
  Scene scene;
  scene.start("a");
  CHECK(scene.ended(kSegfault) ==
        "a fail: the process that ran this test was killed by SIGSEGV (11)");
  CHECK(scene.run.left() == Places{1, 2});
  scene.start("b");
  CHECK(scene.ended(kExit3) == "b fail: the process that ran this test exited with status 3");
  CHECK(scene.run.left() == Places{2});
}

TEST_CASE("the first test of a suite answers for a set-up that ends the process") {
  Scene scene;
  scene.note(kFixtureNote, std::string_view("set-up of b\0b", 13));
  CHECK(scene.ended(kExit3) ==
        "b inprogress, b fail: the process that was to run this test exited with status 3 during "
        "set-up of b");
  CHECK(scene.run.left() == Places{0, 2});
}

TEST_CASE("what is torn down after tests has an id of its own") {
  Scene scene;
  scene.start("a");
  scene.end("a");
  scene.note(kFixtureNote, std::string_view("tear-down\0", 10));
  CHECK(
      scene.ended(kExit3) ==
      "tear-down inprogress, tear-down fail: the process that ran the tests exited with status 3");
  CHECK(scene.run.left() == Places{1, 2});
}

TEST_CASE("a child that ends with nobody to blame is followed by one more, and not by a third") {
  Scene scene;
  CHECK(scene.ended(kExit3).empty());
  CHECK(scene.run.left() == Places{0, 1, 2});
  const std::string text = scene.ended(kSegfault);
  for (const char* id : {"a fail", "b fail", "c fail", "killed by SIGSEGV", "twice in a row"})
    CHECK(text.find(id) != std::string::npos);
  CHECK(scene.run.left().empty());
}

TEST_CASE("a child that gets on between two that do not makes a difference") {
  Scene scene;
  CHECK(scene.ended(kExit3).empty());
  scene.start("a");
  scene.end("a");
  CHECK(scene.ended(kExit3).starts_with("end of the test run inprogress"));
  CHECK(scene.ended(kExit3).empty());
  CHECK(scene.run.left() == Places{1, 2});
}

TEST_CASE("a test that the framework has left out fails") {
  Scene scene;
  scene.start("a");
  scene.end("a");
  scene.note(kCompleteNote);
  const std::string text = scene.ended(0);
  CHECK(text.find("b fail: the test framework has not run this test") != std::string::npos);
  CHECK(text.find("c fail") != std::string::npos);
  CHECK(scene.run.left().empty());
}

TEST_CASE("after Cancel between two tests nothing fails") {
  Scene scene;
  scene.start("a");
  scene.end("a");
  scene.run.cancel();
  CHECK(scene.ended(SIGTERM).empty());
  CHECK(scene.run.left().empty());
}

TEST_CASE("after Cancel the test in progress fails, and the others have no status") {
  Scene scene;
  scene.start("a");
  scene.run.cancel();
  CHECK(scene.ended(SIGTERM) == "a fail: the Run was cancelled during this test");
  CHECK(scene.run.left().empty());
}
