#include "common/link/arq/receive_window.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/link_conversations.h"

using namespace subunit;
using namespace subunit::link;

namespace {

constexpr std::uint32_t kFirst = kFrameNumbers - 3;  // so that numbers wrap around soon
using Verdict = ReceiveWindow::Verdict;

struct Window {
  ReceiveWindow window{kFirst};
  std::string taken = {};

  Verdict hear(std::uint32_t block, std::string_view payload, bool finish = false) {
    const Verdict verdict =
        window.receive((kFirst + block) % kFrameNumbers, as_bytes(payload), finish);
    window.keep();
    return verdict;
  }
  void take() {
    taken += as_text(window.payload());
    window.take();
  }
};

}  // namespace

TEST_CASE("payload is put in order, by blocks of thirty bytes") {
  const std::string stream = some_bytes(300, 1);
  const auto part = [&](std::size_t from, std::size_t to) {
    return std::string_view(stream).substr(from * 30, (to - from) * 30);
  };
  Window window;
  CHECK(window.hear(0, part(0, 2)) == Verdict::kInOrder);
  CHECK(window.hear(4, part(4, 5)) == Verdict::kGap);
  CHECK(window.hear(5, part(5, 7)) == Verdict::kHeld);
  CHECK(window.hear(8, part(8, 10)) == Verdict::kGap);
  CHECK(window.hear(5, part(5, 7)) == Verdict::kDuplicate);
  CHECK(window.hear(0, part(0, 2)) == Verdict::kDuplicate);
  CHECK(window.hear(3, part(3, 6)) == Verdict::kDuplicate);  // a part of it: the rest comes alone
  const auto said = window.window.acknowledgement();
  CHECK(window.window.awaited() == (kFirst + 2) % kFrameNumbers);
  CHECK(said.sack == std::vector<Acknowledgement::SackBlock>{{2, 3}, {1, 2}});
  CHECK(said.room == ReceiveWindow::kMaxHeld - 60);
  CHECK(window.hear(7, part(7, 8)) == Verdict::kHeld);
  CHECK(window.hear(2, part(2, 4)) == Verdict::kInOrder);
  CHECK(!window.window.has_gap());
  window.take();
  CHECK(window.taken == stream);
  CHECK(window.window.acknowledgement().room == ReceiveWindow::kMaxHeld);
}

TEST_CASE("a short block takes a number, and so does the end, behind which nothing comes") {
  Window window;
  CHECK(window.hear(3, "", true) == Verdict::kGap);
  CHECK(window.hear(4, "behind the end") == Verdict::kHeld);
  CHECK(window.hear(0, "a") == Verdict::kInOrder);
  CHECK(window.hear(1, std::string(31, 'b')) == Verdict::kInOrder);
  CHECK(window.window.finished());
  CHECK(window.hear(4, "behind the end") == Verdict::kRefused);
  window.take();
  CHECK(window.taken == "a" + std::string(31, 'b'));
}

TEST_CASE("no more is held than there was room for, and the room is for what is in order too") {
  const std::string body(3000, 'x');
  Window window;
  std::size_t held = 0;
  for (std::uint32_t frame = 1; frame < 200; ++frame) {
    if (window.hear(frame * 100, body) != Verdict::kRefused) held += body.size();
  }
  CHECK(held <= ReceiveWindow::kMaxHeld);
  CHECK(held > ReceiveWindow::kMaxHeld - body.size());

  Window small;
  std::size_t frames = 0;
  for (std::uint32_t frame = 1; frame < 5000; ++frame) {
    if (small.hear(frame * 2, "x") != Verdict::kRefused) ++frames;
  }
  CHECK(frames == ReceiveWindow::kMaxFrames);
  CHECK(small.window.acknowledgement().sack.size() == Acknowledgement::kMaxSackBlocks);
  CHECK(small.hear(0, "in order comes in all the same") == Verdict::kInOrder);

  CHECK(small.hear(ReceiveWindow::kMaxAhead + 10, "far away") == Verdict::kRefused);
}
