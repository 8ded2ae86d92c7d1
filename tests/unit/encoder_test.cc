#include "common/subunit/encoder.h"

#include <doctest/doctest.h>

#include <numeric>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace std::string_literals;

namespace {

std::string filled(std::size_t size, char fill = 'x') {
  return std::string(size, fill);
}

/// A packet that takes `others` bytes besides its length field.
Result<> encode_with_others(std::size_t others, Buffer& out) {
  // Signature, flags, CRC; then a MIME type and a file with a name of no bytes; then content.
  const std::size_t least = 3 + kCrcSize + 1 + 1;
  const std::size_t room = others - least;
  const std::size_t content = room - (room <= 64 ? 1 : room <= 16385 ? 2 : 3);
  const std::string bytes = filled(content);
  const Fields fields{.mime_type = "", .file = File{"", as_bytes(bytes)}};
  return encode(fields, out);
}

std::string encoded_with_others(std::size_t others) {
  Buffer out;
  REQUIRE(encode_with_others(others, out));
  return std::string(as_text(out));
}

void check_refused(const Fields& fields, TagList tags = {}) {
  Buffer out = {1, 2, 3};
  const auto encoded = encode(fields, tags, out);
  CHECK_FALSE(encoded);
  CHECK(out == Buffer{1, 2, 3});
  const auto in_pieces = encode_file(fields, tags, out);
  CHECK_FALSE(in_pieces);
  CHECK(out == Buffer{1, 2, 3});
}

std::vector<Packet> parsed(Bytes stream) {
  std::vector<Packet> packets;
  while (!stream.empty()) {
    const auto length = load_number(stream.data() + 3, stream.size() - 3);
    REQUIRE(length);
    REQUIRE(length->value <= stream.size());
    const auto packet = parse_packet(stream.first(length->value));
    REQUIRE(packet);
    packets.push_back(*packet);
    stream = stream.subspan(length->value);
  }
  return packets;
}

}  // namespace

TEST_CASE("the packets of the format's own documentation and of python-subunit's tests come out") {
  CHECK(status("foo", Status::kExists) == "\xB3\x29\x01\x0C\x03"s + "foo\x08\x55\x5F\x1B");
  CHECK(status("foo", Status::kInProgress) == "\xB3\x29\x02\x0C\x03"s + "foo\x8E\xC1\x2D\xB5");
  CHECK(status("foo", Status::kSuccess) == "\xB3\x29\x03\x0C\x03"s + "foo\x45\x9D\xFE\x10");
}

TEST_CASE("fields stand in the order of the format, each with its flag") {
  const std::string_view tags[] = {"t", "ag"};
  const std::string all = packet({.test_id = "id",
                                  .route_code = "0/1",
                                  .mime_type = "m",
                                  .timestamp = Timestamp{0x01020304, 5},
                                  .file = File{"f", as_bytes("body")},
                                  .status = Status::kFail,
                                  .runnable = true,
                                  .eof = true},
                                 tags);
  const std::string fields = "\x01\x02\x03\x04\x05"s + "\x02id" + "\x02\x01t\x02" + "ag" + "\x01m" +
                             "\x01" + "f\x04" + "body" + "\x03" + "0/1";
  CHECK(all == framed(0x2FF6, fields));
}

TEST_CASE("a packet of nothing has eight bytes") {
  CHECK(packet({.runnable = false}) == framed(0x2000, ""));
  CHECK(packet({.runnable = false}).size() == kMinPacketSize);
}

TEST_CASE("the length counts itself, in as few bytes as that allows") {
  // No packet of 64 or of 16384 bytes exists in its shortest form: one byte too many for a length
  // of one byte needs two at once.
  struct Sizes {
    std::size_t others;
    std::size_t total;
  };
  constexpr Sizes kSizes[] = {
      {60, 61},           {61, 62},           {62, 63},           {63, 65},
      {64, 66},           {16378, 16380},     {16379, 16381},     {16380, 16382},
      {16381, 16383},     {16382, 16385},     {16383, 16386},     {4194296, 4194299},
      {4194297, 4194300}, {4194298, 4194301}, {4194299, 4194302}, {4194300, 4194303}};
  for (const Sizes& sizes : kSizes) {
    CAPTURE(sizes.others);
    const std::string encoded = encoded_with_others(sizes.others);
    CHECK(encoded.size() == sizes.total);
    const auto length = load_number(as_bytes(encoded).data() + 3, 4);
    REQUIRE(length);
    CHECK(length->value == sizes.total);
    CHECK(length->size == number_size(static_cast<std::uint32_t>(sizes.total)));
    CHECK(parse_packet(as_bytes(encoded)));
  }
}

TEST_CASE("a packet one byte longer than the largest is refused") {
  Buffer out = {9};
  CHECK(encode_with_others(kMaxPacketSize - 3, out));
  out = {9};
  const auto encoded = encode_with_others(kMaxPacketSize - 2, out);
  REQUIRE_FALSE(encoded);
  CHECK(encoded.error().text.find("4194304 bytes, at most 4194303") != std::string::npos);
  CHECK(out == Buffer{9});
}

TEST_CASE("sizes of texts and contents take the shortest number") {
  for (const std::size_t size :
       {0u, 1u, 62u, 63u, 64u, 65u, 16382u, 16383u, 16384u, 16385u, 70000u}) {
    CAPTURE(size);
    const std::size_t number = size < 64 ? 1 : size < 16384 ? 2 : 3;
    const std::string bytes = filled(size);
    const std::string_view tags[] = {bytes, "t"};
    CHECK(packet({.test_id = bytes}) == framed(0x2900, text(bytes, number)));
    CHECK(packet({.route_code = bytes}) == framed(0x2500, text(bytes, number)));
    CHECK(packet({.mime_type = bytes}) == framed(0x2120, text(bytes, number)));
    CHECK(packet({}, tags) == framed(0x2180, "\x02" + text(bytes, number) + text("t")));
    CHECK(packet({.file = File{bytes, {}}}) == framed(0x2140, text(bytes, number) + text("")));
    CHECK(packet({.file = File{"", as_bytes(bytes)}}) ==
          framed(0x2140, text("") + text(bytes, number)));
  }
}

TEST_CASE("nanoseconds take the shortest number, and have an upper bound") {
  for (const auto& [nanoseconds, size] : {std::pair<std::uint32_t, std::size_t>{0, 1},
                                          {63, 1},
                                          {64, 2},
                                          {16383, 2},
                                          {16384, 3},
                                          {4194303, 3},
                                          {4194304, 4},
                                          {999999999, 4},
                                          {kMaxNumber, 4}}) {
    CHECK(packet({.timestamp = Timestamp{0xFFFFFFFF, nanoseconds}}) ==
          framed(0x2300, "\xFF\xFF\xFF\xFF" + number(nanoseconds, size)));
  }
  check_refused({.timestamp = Timestamp{0, kMaxNumber + 1}});
}

TEST_CASE("a string that is no text is refused wherever it stands") {
  const std::string nul("a\0b", 3);
  for (const std::string& bad : {nul, "\xFF"s, "caf\xC3"s, "\x80"s, "\xED\xA0\x80"s}) {
    CAPTURE(bad);
    const std::string_view first[] = {bad, "tag"};
    const std::string_view last[] = {"tag", bad};
    check_refused({.test_id = bad});
    check_refused({.route_code = bad});
    check_refused({.mime_type = bad});
    check_refused({.file = File{bad, {}}});
    check_refused({}, first);
    check_refused({}, last);
  }
}

TEST_CASE("the error names the field and shows what stands in it") {
  Buffer out;
  const auto encoded = encode({.mime_type = "text/\xFF"}, out);
  REQUIRE_FALSE(encoded);
  CHECK(encoded.error().text ==
        "cannot encode a packet whose MIME type is not UTF-8 without NUL: \"text/\\xff\"");
}

TEST_CASE("content may be anything") {
  std::string every(256, '\0');
  std::iota(every.begin(), every.end(), '\0');
  const std::string encoded = packet({.file = File{"f", as_bytes(every)}});
  const auto parsed = parse_packet(as_bytes(encoded));
  REQUIRE(parsed);
  CHECK(as_text(parsed->file->content) == every);
}

TEST_CASE("there may be many tags, but not any number") {
  const std::vector<std::string_view> most(kMaxTags, "t");
  const std::string encoded = packet({}, most);
  const auto parsed = parse_packet(as_bytes(encoded));
  REQUIRE(parsed);
  CHECK(parsed->tags.size() == kMaxTags);
  const std::vector<std::string_view> more(kMaxTags + 1, "t");
  check_refused({}, more);
}

TEST_CASE("packets are appended to what is there") {
  Buffer out = {7};
  REQUIRE(encode({.test_id = "foo", .status = Status::kExists}, out));
  REQUIRE(encode({.test_id = "foo", .status = Status::kSuccess}, out));
  CHECK(as_text(out) == "\x07" + status("foo", Status::kExists) + status("foo", Status::kSuccess));
}

TEST_CASE("an attachment of up to one chunk is one packet, the one of encode()") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kFileChunk - 1, kFileChunk}) {
    const std::string content = filled(size);
    const std::string_view tags[] = {"tag"};
    const Fields fields{
        .test_id = "t", .file = File{"f", as_bytes(content)}, .status = Status::kFail, .eof = true};
    Buffer out;
    REQUIRE(encode_file(fields, tags, out));
    CHECK(as_text(out) == packet(fields, tags));
  }
}

TEST_CASE("a packet without an attachment goes through encode_file as through encode") {
  const Fields fields{.test_id = "t", .status = Status::kSuccess};
  Buffer out;
  REQUIRE(encode_file(fields, {}, out));
  CHECK(as_text(out) == packet(fields));
}

TEST_CASE("a long attachment is split, and only its last piece ends anything") {
  for (const std::size_t size : {kFileChunk + 1, 2 * kFileChunk, 2 * kFileChunk + 1, kMaxPacketSize,
                                 kMaxPacketSize + 1, 9 * kFileChunk + 12345}) {
    CAPTURE(size);
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 2654435761u >> 24);
    const std::string_view tags[] = {"slow", "net"};
    const Fields fields{.test_id = "a.test",
                        .route_code = "3",
                        .mime_type = "application/octet-stream",
                        .timestamp = Timestamp{1, 2},
                        .file = File{"core", as_bytes(content)},
                        .status = Status::kFail,
                        .runnable = false,
                        .eof = true};
    Buffer out = {0xAA};
    REQUIRE(encode_file(fields, tags, out));
    CHECK(out[0] == 0xAA);
    const auto pieces = parsed(Bytes(out).subspan(1));
    CHECK(pieces.size() == (size + kFileChunk - 1) / kFileChunk);
    std::string joined;
    for (const Packet& piece : pieces) {
      CHECK(piece.test_id == "a.test");
      CHECK(piece.route_code == "3");
      CHECK(piece.mime_type == "application/octet-stream");
      CHECK(piece.timestamp == Timestamp{1, 2});
      CHECK_FALSE(piece.runnable);
      REQUIRE(piece.file);
      CHECK(piece.file->name == "core");
      CHECK_FALSE(piece.file->content.empty());
      joined += as_text(piece.file->content);
      const bool last = &piece == &pieces.back();
      CHECK(piece.eof == last);
      CHECK(piece.status == (last ? Status::kFail : Status::kNone));
      CHECK(piece.tags.size() == (last ? 2 : 0));
    }
    const bool identical = joined == content;  // not worth printing
    CHECK(identical);
  }
}

TEST_CASE("an attachment that goes on in another packet has no end of file in its last piece") {
  const std::string content = filled(kFileChunk + 1);
  Buffer out;
  REQUIRE(encode_file({.file = File{"f", as_bytes(content)}}, {}, out));
  const auto pieces = parsed(out);
  REQUIRE(pieces.size() == 2);
  CHECK_FALSE(pieces[0].eof);
  CHECK_FALSE(pieces[1].eof);
}

TEST_CASE("where a piece of an attachment cannot be encoded, nothing of it is left") {
  // The tags stand in the last piece only, so the first one has been written by then.
  const std::string content = filled(kFileChunk + 1);
  const std::string_view tags[] = {"\xFF"};
  check_refused({.file = File{"f", as_bytes(content)}}, tags);
  const std::string name = filled(kMaxPacketSize);
  check_refused({.test_id = name});
  check_refused({.test_id = name, .file = File{"f", as_bytes(content)}});
}
