#include "common/subunit/range_index.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

#include "common/subunit/inspect.h"

using namespace subunit;

namespace {

/// A stream of which a part is held, as in the decoder: it grows at the end, is given up from the
/// start, and moves in memory now and then.
class Stream {
 public:
  void add(std::string_view bytes) { append(held_, as_bytes(bytes)); }

  void cover(RangeIndex& index) {
    Buffer elsewhere = held_;
    held_.swap(elsewhere);
    index.cover(held_, position_);
  }

  void drop(RangeIndex& index, std::size_t size) {
    if (!index.empty()) index.forget(held_, position_, size);
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(size));
    position_ += size;
  }

  [[nodiscard]] Bytes held() const { return held_; }

 private:
  Buffer held_;
  std::uint64_t position_ = 0;
};

bool agree(const RangeIndex& index, Bytes range) {
  const DirectRanges direct;
  return index.crc(range) == direct.crc(range) &&
         index.is_text(range, true) == direct.is_text(range, true) &&
         index.is_text(range, false) == direct.is_text(range, false);
}

/// Mostly text, so that long ranges of it are text, with rare damage.
std::string mixture(std::mt19937& random, std::size_t size, unsigned damage_every) {
  static constexpr std::string_view kCharacters[] = {
      "a", "bcdefgh", "\xC2\xB3", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "12345678901234567890"};
  static constexpr std::string_view kDamage[] = {
      std::string_view("\0", 1), "\xFF",        "\xB3", "\xC3", "\xE2\x82", "\xF0\x9F\x98",
      "\x80\x80\x80\x80",        "\xED\xA0\x80"};
  std::string bytes;
  while (bytes.size() < size) {
    bytes += damage_every > 0 && random() % damage_every == 0
                 ? kDamage[random() % std::size(kDamage)]
                 : kCharacters[random() % std::size(kCharacters)];
  }
  bytes.resize(size);  // in the middle of a character, as like as not
  return bytes;
}

}  // namespace

TEST_CASE("the index answers for every range as looking at the bytes would") {
  std::mt19937 random(1);
  for (const unsigned damage_every : {0u, 500u, 20u, 2u}) {
    Stream stream;
    RangeIndex index;
    CHECK(index.empty());
    stream.add(mixture(random, 1100, damage_every));
    stream.cover(index);
    CHECK_FALSE(index.empty());
    std::size_t wrong = 0;
    for (std::size_t begin = 0; begin < stream.held().size(); ++begin) {
      for (std::size_t size = 0; size <= stream.held().size() - begin; size += 1 + size / 97)
        wrong += !agree(index, stream.held().subspan(begin, size));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("the index stays right while bytes come and go") {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    Stream stream;
    RangeIndex index;
    const unsigned damage_every = round % 3 == 0 ? 0 : 1u << random() % 12;
    std::size_t wrong = 0;
    for (int step = 0; step < 60; ++step) {
      const std::size_t largest = std::size_t{1} << random() % 14;
      stream.add(mixture(random, random() % largest, damage_every));
      if (random() % 4 != 0) {  // some bytes come and go without being covered
        stream.cover(index);
        for (int query = 0; query < 50; ++query) {
          const std::size_t begin = random() % (stream.held().size() + 1);
          const std::size_t size = random() % (stream.held().size() - begin + 1);
          wrong += !agree(index, stream.held().subspan(begin, size));
        }
      }
      std::size_t size = random() % 3 == 0 ? random() % (stream.held().size() + 1) : random() % 700;
      if (random() % 10 == 0) size = stream.held().size();
      stream.drop(index, std::min(size, stream.held().size()));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("bytes may come one by one, and in the middle of a character") {
  std::mt19937 random(3);
  const std::string bytes = mixture(random, 1500, 100);
  Stream stream;
  RangeIndex index;
  std::size_t wrong = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    stream.add(bytes.substr(at, 1));
    stream.cover(index);
    const std::size_t size = stream.held().size();
    for (const std::size_t begin :
         {size - 1, size / 2, size > 300 ? size - 300 : 0, std::size_t{0}})
      wrong += !agree(index, stream.held().subspan(begin));
    if (at % 3 == 0 && size > 600) stream.drop(index, 1 + at % 5);
  }
  CHECK(wrong == 0);
}

TEST_CASE("giving up bytes that were never covered leaves an empty index, which can start again") {
  Stream stream;
  RangeIndex index;
  stream.add(std::string(500, 'a'));
  stream.cover(index);
  stream.add(std::string(500, 'b'));
  stream.drop(index, 700);
  CHECK(index.empty());
  stream.cover(index);
  CHECK(agree(index, stream.held()));
  CHECK(agree(index, stream.held().subspan(7, 280)));
}

TEST_CASE("the start of a character may be given up before its end comes") {
  // At the ends of blocks and elsewhere: what is left of the character belongs to none.
  const std::string character = "\xF0\x9F\x98\x80";
  for (const std::size_t before :
       {100u, 252u, 253u, 254u, 255u, 256u, 509u, 510u, 511u, 512u, 600u}) {
    for (std::size_t cut = 1; cut < character.size(); ++cut) {
      Stream stream;
      RangeIndex index;
      stream.add(std::string(before, 'a') + character.substr(0, cut));
      stream.cover(index);
      stream.drop(index, stream.held().size());
      stream.add(character.substr(cut) + std::string(600, 'b') + character + std::string(600, 'c'));
      stream.cover(index);
      std::size_t wrong = 0;
      for (std::size_t begin = 0; begin < 10; ++begin) {
        for (std::size_t size = 0; size <= stream.held().size() - begin; size += 13)
          wrong += !agree(index, stream.held().subspan(begin, size));
      }
      CHECK(wrong == 0);
    }
  }
}
