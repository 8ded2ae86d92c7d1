#include "common/link/arq/send_window.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/link_conversations.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kFirst = 1000;

using Runs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// A window, and what was made of its frames.
struct Window {
  SendWindow window{kFirst};
  BodySpace space{.most_text = kMaxBodyText, .best_text = 400};  // 300 bytes, 10 blocks
  Time now{0};

  explicit Window(std::size_t size) { window.queue(as_bytes(some_bytes(size, 1))); }

  /// Sends what is next; its number and size.
  std::pair<std::uint64_t, std::size_t> send() {
    const auto piece = window.next(space);
    REQUIRE(piece.has_value());
    window.sent(*piece, piece->payload.size() + 100, false, now);
    return {piece->number % kFrameNumbers, piece->payload.size()};
  }

  /// `runs`: first and end of each.
  SendWindow::Outcome hear(std::uint32_t awaited, const Runs& runs = {}) {
    Acknowledgement more{.room = 1 << 20};
    std::uint32_t end = awaited;
    for (const auto& [from, to] : runs) {
      more.sack.push_back({from - end, to - from});
      end = to;
    }
    const auto* outcome = window.acknowledge(awaited, &more, 10ms, now);
    REQUIRE(outcome != nullptr);
    return *outcome;
  }
};

std::size_t losses(const SendWindow::Outcome& outcome) {
  return static_cast<std::size_t>(std::count_if(outcome.fates.begin(), outcome.fates.end(),
                                                [](const auto& fate) { return !fate.arrived; }));
}

using Sent = std::pair<std::uint64_t, std::size_t>;

}  // namespace

TEST_CASE("what was sent before something that has arrived, and has not, is lost; and only once") {
  Window window(1500);
  for (int frame = 0; frame < 5; ++frame) window.send();
  CHECK(losses(window.hear(kFirst + 10, {{kFirst + 30, kFirst + 40}})) == 2);  // of 1, 2, 3*, 4
  CHECK(window.send() == Sent{kFirst + 10, 300});
  CHECK(window.send() == Sent{kFirst + 20, 300});
  CHECK(losses(window.hear(kFirst + 10, {{kFirst + 30, kFirst + 40}})) == 0);
  CHECK(losses(window.hear(kFirst + 10, {{kFirst + 30, kFirst + 50}})) == 0);
  // The second one arrives, so the first has been lost again.
  CHECK(losses(window.hear(kFirst + 10, {{kFirst + 20, kFirst + 50}})) == 1);
  CHECK(window.send() == Sent{kFirst + 10, 300});
  CHECK(window.hear(kFirst + 50).arrived_bytes == 400);
  CHECK(window.window.in_flight() == 0);
  CHECK(window.window.payload_arrived() == 1500);
}

TEST_CASE("a number that is awaited says nothing about what comes behind it") {
  Window window(1500);
  for (int frame = 0; frame < 5; ++frame) window.send();
  CHECK(losses(window.hear(kFirst, {{kFirst + 10, kFirst + 20}})) == 1);
  window.send();
  // It has arrived, after all that was sent before it. Those may have come, or not.
  const auto* outcome = window.window.acknowledge(kFirst + 20, nullptr, 10ms, window.now);
  REQUIRE(outcome != nullptr);
  CHECK(losses(*outcome) == 0);
  CHECK(losses(window.hear(kFirst + 20)) == 3);
}

TEST_CASE("more gaps than one confirmation tells of are no losses yet") {
  Window window(300 * 60);
  window.hear(kFirst);  // tells of the room
  for (int frame = 0; frame < 60; ++frame) window.send();
  Runs runs;
  for (std::uint32_t run = 0; run < Acknowledgement::kMaxSackBlocks; ++run)
    runs.emplace_back(kFirst + 10 + 20 * run, kFirst + 20 + 20 * run);
  CHECK(losses(window.hear(kFirst, runs)) == Acknowledgement::kMaxSackBlocks);
  window.send();
  // The first was sent again after all others, and fills its gap, so one more run is told of. Of
  // the gap before that we know now, and of nothing behind it.
  runs.erase(runs.begin());
  runs.emplace_back(kFirst + 490, kFirst + 500);
  CHECK(losses(window.hear(kFirst + 20, runs)) == 1);
}

TEST_CASE("what is lost is sent again in shorter frames if long ones have come to be bad") {
  Window window(300);
  window.send();
  window.window.probe(40);
  window.space.best_text = 120;  // 90 bytes
  CHECK(window.send() == Sent{kFirst, 30});
  window.now += 20ms;
  CHECK(losses(window.hear(kFirst + 1)) == 1);
  CHECK(window.send() == Sent{kFirst + 1, 90});
  CHECK(window.send() == Sent{kFirst + 4, 180});  // twice the best is not worth cutting
  CHECK(window.hear(kFirst + 10).arrived_bytes > 0);
  CHECK(window.window.payload_arrived() == 300);
}

TEST_CASE("if the whole comes late, its beginning that was sent again proves nothing") {
  Window window(900);
  for (int frame = 0; frame < 3; ++frame) window.send();
  window.now += 1s;
  window.window.probe(40);
  CHECK(window.window.probing());
  CHECK(window.send() == Sent{kFirst, 30});
  window.now += 1s;
  CHECK(losses(window.hear(kFirst + 10)) == 0);  // the first as a whole
  CHECK(losses(window.hear(kFirst + 30)) == 0);
  CHECK(window.window.in_flight() == 0);
}

TEST_CASE("round trips are measured by what was sent once") {
  Window window(900);
  window.send();
  window.now += 70ms;
  CHECK(window.hear(kFirst + 10).round_trip == 70ms);
  window.send();
  window.now += 1s;
  window.window.probe(400);
  window.send();
  window.now += 30ms;
  CHECK(!window.hear(kFirst + 19).round_trip);
}

TEST_CASE("confirmations of what was never sent, or of other things, are none") {
  Window window(600);
  window.send();
  CHECK(window.window.acknowledge(kFirst + 11, nullptr, 10ms, window.now) == nullptr);
  CHECK(
      window.hear(kFirst - 5, {{kFirst + 500, kFirst + 600}, {kFirst + 500'000, kFirst + 600'000}})
          .fates.empty());
  CHECK(window.hear(kFirst + 10).arrived_bytes == 400);
  CHECK(window.hear(kFirst).fates.empty());
  CHECK(window.window.payload_arrived() == 300);
}

TEST_CASE(
    "no more is sent than the other end has room for, and a short frame if all waits for it") {
  SendWindow window(kFirst);
  const BodySpace space{.most_text = kMaxBodyText, .best_text = 400};
  window.queue(as_bytes(some_bytes(1000, 1)));
  const Acknowledgement little{.room = 350};
  REQUIRE(window.acknowledge(kFirst, &little, 10ms, 0s) != nullptr);
  // The room before the first word of it is more than that, and what was promised stays.
  CHECK(window.next(space)->payload.size() == 300);
  std::size_t sent = 0;
  SendWindow full(kFirst);
  full.queue(as_bytes(some_bytes(100'000, 1)));
  std::uint32_t number = kFirst;
  while (const auto piece = full.next(space)) {
    sent += piece->payload.size();
    number = wrapped(piece->number + blocks_of(piece->payload.size()));
    full.sent(*piece, 400, false, 0s);
  }
  CHECK(sent <= Acknowledgement::kFirstRoom);
  CHECK(sent > Acknowledgement::kFirstRoom - 300);
  CHECK(!full.blocked());  // there will be an answer
  REQUIRE(full.acknowledge(number, nullptr, 10ms, 0s) != nullptr);
  const auto rest = full.next(space);
  REQUIRE(rest.has_value());
  CHECK(sent + rest->payload.size() == Acknowledgement::kFirstRoom);
  full.sent(*rest, 400, false, 0s);
  REQUIRE(full.acknowledge(wrapped(rest->number + blocks_of(rest->payload.size())), nullptr, 10ms,
                           0s) != nullptr);
  CHECK(!full.next(space));
  CHECK(full.blocked());
}

TEST_CASE("at most 1024 frames are on the line") {
  SendWindow window(kFirst);
  const BodySpace space{.most_text = kMaxBodyText, .best_text = 40};
  window.queue(as_bytes(some_bytes(100'000, 1)));
  const Acknowledgement much{.room = 1 << 30};
  REQUIRE(window.acknowledge(kFirst, &much, 10ms, 0s) != nullptr);
  std::size_t frames = 0;
  for (; const auto piece = window.next(space); ++frames) window.sent(*piece, 65, false, 0s);
  CHECK(frames == 1024);
}

TEST_CASE("the end has arrived when all before it has") {
  Window window(600);
  window.window.finish();
  for (int frame = 0; frame < 3; ++frame) window.send();
  CHECK(!window.window.next(window.space));
  window.hear(kFirst, {{kFirst + 10, kFirst + 21}});
  CHECK(!window.window.finish_arrived());
  CHECK(!window.window.only_finish_left());
  window.send();
  window.hear(kFirst + 21);
  CHECK(window.window.finish_arrived());
  CHECK(window.window.only_finish_left());
}
