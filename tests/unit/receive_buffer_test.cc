#include "common/base/receive_buffer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

using namespace subunit;

namespace {

void write(ReceiveBuffer& buffer, std::string_view bytes) {
  const auto room = buffer.prepare(bytes.size());
  REQUIRE(room.size() >= bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  buffer.commit(bytes.size());
}

/// All memory, with nothing held.
std::size_t capacity_when_empty(ReceiveBuffer& buffer) {
  REQUIRE(buffer.held().empty());
  return buffer.prepare(1).size();
}

}  // namespace

TEST_CASE("a new buffer holds nothing and may be asked for nothing") {
  ReceiveBuffer buffer(100);
  CHECK(buffer.held().empty());
  CHECK(buffer.prepare(0).size() == 0);
  buffer.commit(0);
  buffer.consume(0);
  CHECK(buffer.held().empty());
}

TEST_CASE("the first use gives the usual capacity, or what is asked for") {
  ReceiveBuffer small(100);
  CHECK(small.prepare(1).size() == 100);
  ReceiveBuffer large(100);
  CHECK(large.prepare(1000).size() >= 1000);
}

TEST_CASE("bytes come out as they went in") {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    ReceiveBuffer buffer(1 + random() % 300);
    std::string expected;
    std::size_t wrong = 0;
    for (int step = 0; step < 500; ++step) {
      const std::size_t least = random() % (1u << random() % 12);
      const auto room = buffer.prepare(least);
      wrong += room.size() < least;
      const std::size_t written = room.empty() ? 0 : random() % (room.size() + 1);
      for (std::size_t i = 0; i < written; ++i) {
        room[i] = static_cast<std::uint8_t>(random());
        expected += static_cast<char>(room[i]);
      }
      buffer.commit(written);
      wrong += as_text(buffer.held()) != expected;
      while (!expected.empty() && random() % 2 == 0) {
        const std::size_t size =
            random() % 4 == 0 ? expected.size() : random() % (expected.size() + 1);
        buffer.consume(size);
        expected.erase(0, size);
        wrong += as_text(buffer.held()) != expected;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("consumed bytes stay where they are until room is asked for") {
  ReceiveBuffer buffer(16);
  write(buffer, "onetwothree");
  const Bytes all = buffer.held();
  buffer.consume(3);
  buffer.consume(3);
  CHECK(buffer.held().data() == all.data() + 6);
  buffer.consume(5);
  CHECK(as_text(all) == "onetwothree");
}

TEST_CASE("what is written in pieces is held in one piece") {
  ReceiveBuffer buffer(8);
  for (int i = 0; i < 100; ++i) write(buffer, "abc");
  CHECK(buffer.held().size() == 300);
}

TEST_CASE("a buffer that had to grow shrinks again when it is empty") {
  for (const std::size_t least : {1u, 512u, 1000u}) {
    ReceiveBuffer buffer(1000);
    write(buffer, std::string(50000, 'x'));
    buffer.consume(50000);
    CHECK(buffer.prepare(least).size() == 1000);
    CHECK(capacity_when_empty(buffer) == 1000);
  }
}

TEST_CASE("a buffer that had to grow shrinks when little is held, and keeps that") {
  for (const std::string& more :
       {std::string(), std::string(1000, 'x')}) {  // no room left, or some
    ReceiveBuffer buffer(1000);
    write(buffer, std::string(50000, 'x'));
    write(buffer, more + "rest");
    buffer.consume(50000 + more.size());
    CHECK(buffer.prepare(1).size() == 996);
    CHECK(as_text(buffer.held()) == "rest");
  }
}

TEST_CASE("much that stays held while little passes is not moved again and again") {
  ReceiveBuffer buffer(65536);
  write(buffer, std::string(65536, 'x'));
  std::size_t moved = 0;
  constexpr std::size_t kPasses = 10000;
  for (std::size_t i = 0; i < kPasses; ++i) {
    buffer.consume(100);
    const Bytes before = buffer.held();
    write(buffer, std::string(100, 'y'));
    if (buffer.held().data() != before.data()) moved += before.size();
  }
  CHECK(moved <= 2 * 100 * kPasses);
}

TEST_CASE("capacity stays in proportion to what is held, and bytes are moved seldom") {
  // Large pieces and small ones through a buffer that is small: what a decoder does with packets.
  // Every byte may be moved a few times on its way, not again with every read.
  constexpr std::size_t kLargest = 1 << 20;
  std::mt19937 random(2);
  for (const std::size_t read : {std::size_t{1}, std::size_t{4096}, std::size_t{65536}}) {
    for (int round = 0; round < 5; ++round) {
      ReceiveBuffer buffer(65536);
      std::size_t received = 0;
      std::size_t moved = 0;
      std::size_t most = 0;
      std::size_t wanted = 0;
      const std::size_t until = read == 1 ? 3 << 20 : 40 << 20;
      while (received < until) {
        const Bytes before = buffer.held();
        const auto room = buffer.prepare(read);
        if (!before.empty() && buffer.held().data() != before.data()) moved += before.size();
        most = std::max(most, buffer.held().size() + room.size());
        const std::size_t size =
            round == 0 ? read : std::min<std::size_t>(room.size(), 1 + random() % read);
        buffer.commit(size);
        received += size;
        for (;;) {
          if (wanted == 0)
            wanted = random() % 3 == 0 ? kLargest - random() % 4096 : 1 + random() % 200;
          if (buffer.held().size() < wanted) break;
          buffer.consume(wanted);
          wanted = 0;
        }
      }
      CAPTURE(read);
      CHECK(moved <= 4 * received);
      CHECK(most <= 2 * kLargest + 3 * 65536);
    }
  }
}
