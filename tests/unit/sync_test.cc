#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "common/subunit/decoder.h"
#include "common/sync/contents.h"
#include "common/sync/known_tree.h"
#include "common/sync/manifest.h"
#include "common/sync/message.h"
#include "common/sync/piece.h"

using namespace subunit::sync;
using subunit::as_bytes;
using subunit::as_text;
using subunit::Buffer;
using subunit::Bytes;

namespace {

Entry file(std::string path, std::uint64_t size = 1) {
  return {.path = std::move(path), .mode = 0644, .size = size, .content = {1, 2}};
}

Entry symbolic(std::string path, std::string target) {
  return {.path = std::move(path), .is_link = true, .target = std::move(target)};
}

/// What is wrong with it, or "".
std::string problem(const Manifest& manifest) {
  const auto parsed = parse_manifest(encode(manifest));
  if (parsed) CHECK(*parsed == manifest);
  return parsed ? "" : parsed.error().text;
}

Buffer random_bytes(std::size_t size, unsigned values, std::mt19937& random) {
  Buffer bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % values);
  return bytes;
}

}  // namespace

TEST_CASE("a fingerprint is that of the authors' test vectors, however the bytes come") {
  CHECK(fingerprint({}) == Fingerprint{0xe6a825ba047f81a3, 0x930255c71472f66d});
  std::mt19937 random(1);
  const Buffer bytes = random_bytes(1000, 256, random);
  for (int round = 0; round < 20; ++round) {
    FingerprintBuilder builder;
    for (Bytes rest = bytes; !rest.empty();) {
      const std::size_t size = std::min<std::size_t>(random() % 40, rest.size());
      builder.add(rest.first(size));
      rest = rest.subspan(size);
    }
    CHECK(builder.finish() == fingerprint(bytes));
  }
  CHECK(fingerprint(Bytes(bytes).first(999)) != fingerprint(bytes));
  CHECK(fingerprint(as_bytes(std::string(1, '\0'))) != fingerprint({}));
}

TEST_CASE("a list of files is read as it was written") {
  CHECK(problem(Manifest()) == "");
  CHECK(problem({file(" "), file("\n"), file("\xff\xfe"), symbolic("z", "../../etc/passwd")}) !=
        "");
  CHECK(problem({file("\n"), file(" "), symbolic("z", "../../etc/passwd"), file("\xff\xfe")}) ==
        "");
  CHECK(problem({file("a", 0), file("a.b"), file("a0")}) == "");
  CHECK(problem({file("a/b"), file("a/b.c"), file("a/c/d"), file("a-b")}) == "");
}

TEST_CASE("what is in a folder follows it at once") {
  CHECK(is_before("a", "a/b"));
  CHECK(is_before("a/b", "a-b"));
  CHECK(is_before("a/b", "a\x01"));
  CHECK(is_before("a/b", "a\xff"));
  CHECK_FALSE(is_before("a", "a"));
}

TEST_CASE("a path that leads out of the tree is refused, whatever it looks like") {
  for (const std::string path : {"", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", ".", "./a",
                                 "a/.", "a//b", "a/", ".subunit-sync", ".subunit-sync/index"}) {
    CAPTURE(path);
    CHECK(problem({file(path)}) != "");
  }
  CHECK(problem({file(std::string("a\0b", 3))}) != "");
  CHECK(problem({file(std::string(256, 'a'))}) != "");
  CHECK(problem({file(std::string(255, 'a'))}) == "");
  std::string deep;
  for (int each = 0; each < 90; ++each) deep += "a/";
  CHECK(problem({file(deep + "a")}) == "");
  CHECK(problem({file(deep + deep + "a")}) != "");
  CHECK(problem({file("...")}) == "");
  CHECK(problem({file("a/.subunit-sync")}) == "");
}

TEST_CASE("what is a file cannot be a folder too, nor be there twice") {
  CHECK(problem({file("a"), file("a")}) != "");
  CHECK(problem({file("b"), file("a")}) != "");
  CHECK(problem({file("a"), file("a/b")}) != "");
  CHECK(problem({symbolic("a", "/etc"), file("a/passwd")}) != "");
  CHECK(problem({file("a/b"), file("a")}) != "");
}

TEST_CASE("a size that no file has, and a link without a target, are refused") {
  CHECK(problem({file("a", ~std::uint64_t{0})}) != "");
  CHECK(problem({file("a", kMaxFile)}) == "");
  CHECK(problem({symbolic("a", "")}) != "");
  CHECK(problem({symbolic("a", std::string(5000, 'a'))}) != "");
  CHECK(problem({symbolic("a", std::string("a\0b", 3))}) != "");
  Entry odd = file("a");
  odd.mode = 07777;
  CHECK(parse_manifest(encode(Manifest{odd}))->front().mode == 0777);
}

TEST_CASE("a list of files that is cut or damaged breaks nothing") {
  const Manifest manifest = {file("a/b"), symbolic("c", "target"), file("d")};
  const Buffer bytes = encode(manifest);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto parsed = parse_manifest(Bytes(bytes).first(size));
    if (parsed) CHECK(parsed->size() < manifest.size());
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Buffer damaged = bytes;
    damaged[at] ^= 0xFF;
    (void)parse_manifest(damaged);
    (void)parse_known_tree(damaged);
  }
}

TEST_CASE("what is known of a tree is read as it was written, and a damaged one is none") {
  const KnownTree tree{.entries = {file("a"), file("b")}, .stamps = {7, 0xfedcba9876543210}};
  const Buffer bytes = encode(tree);
  CHECK(parse_known_tree(bytes).entries == tree.entries);
  CHECK(parse_known_tree(bytes).stamps == tree.stamps);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(parse_known_tree(Bytes(bytes).first(size)).entries.empty());
  CHECK(places_in(tree.entries, {file("0"), file("a"), file("aa"), file("b"), file("c")}) ==
        std::vector<std::size_t>{kUnknown, 0, kUnknown, 1, kUnknown});
}

TEST_CASE("a piece is unpacked to what was packed") {
  std::mt19937 random(2);
  for (const std::size_t size : {0U, 1U, 100U, 5000U, unsigned{kPieceSize}}) {
    for (const unsigned values : {1U, 2U, 20U, 256U}) {
      CAPTURE(size);
      CAPTURE(values);
      const Buffer bytes = random_bytes(size, values, random);
      Buffer out = {1, 2, 3};
      REQUIRE(unpack_piece(pack_piece(bytes), out));
      CHECK(std::ranges::equal(Bytes(out).subspan(3), bytes));
    }
  }
}

TEST_CASE("a piece that is cut, damaged or made up breaks nothing") {
  std::mt19937 random(3);
  const Buffer piece = pack_piece(random_bytes(3000, 8, random));
  Buffer out;
  for (std::size_t size = 0; size < piece.size(); ++size)
    CHECK_FALSE(unpack_piece(Bytes(piece).first(size), out));
  for (int round = 0; round < 3000; ++round) {
    Buffer damaged = round % 2 == 0 ? piece : random_bytes(200, 256, random);
    damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    out.clear();
    (void)unpack_piece(damaged, out);
    CHECK(out.size() <= kPieceSize);
  }
}

TEST_CASE("what is wanted comes one after the other, however it is cut") {
  const Manifest manifest = {file("a", 3), file("b", 0), file("c", 5), file("d", 2), file("e", 0)};
  const Selection wanted = {true, true, false, true, true};
  CHECK(parse_selection(encode_selection(wanted), 5) == wanted);
  CHECK_FALSE(parse_selection(encode_selection(wanted), 9));
  for (std::size_t cut = 1; cut <= 5; ++cut) {
    Contents contents(manifest, wanted);
    std::string seen;
    const Bytes all = as_bytes("aaadd");
    for (Bytes rest = all; !rest.empty(); rest = rest.subspan(std::min(cut, rest.size()))) {
      Bytes piece = rest.first(std::min(cut, rest.size()));
      while (const auto part = contents.take(piece)) {
        seen += as_text(part->bytes);
        if (part->last) seen += manifest[part->entry].path + ".";
      }
    }
    CHECK(seen == "aaaa.b.ddd.e.");
    CHECK(contents.complete());
    Bytes more = as_bytes("x");
    CHECK_FALSE(contents.take(more));
    CHECK(more.size() == 1);
  }
}

TEST_CASE("a message is a packet, and other packets are none") {
  Buffer out;
  encode({.word = kContent, .bytes = as_bytes(std::string("\0\xff", 2)), .last = false}, out);
  subunit::Decoder decoder;
  decoder.receive(out, {});
  const auto event = decoder.next_event();
  REQUIRE(event);
  const auto* packet = std::get_if<subunit::Packet>(&*event);
  REQUIRE(packet);
  const auto message = read_message(*packet);
  REQUIRE(message);
  CHECK(message->word == "content");
  CHECK(as_text(message->bytes) == std::string_view("\0\xff", 2));
  CHECK_FALSE(message->last);
  subunit::Packet other = *packet;
  other.test_id = "testrepository-proxy";
  CHECK_FALSE(read_message(other));
}
