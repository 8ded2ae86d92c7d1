#include "common/subunit/packet.h"

#include <doctest/doctest.h>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace std::string_literals;

namespace {

/// A packet with every field, from which tests break one thing at a time.
std::string complete() {
  const std::string_view tags[] = {"one", "two"};
  return packet({.test_id = "id",
                 .route_code = "0",
                 .mime_type = "text/plain",
                 .timestamp = Timestamp{7, 8},
                 .file = File{"f", as_bytes("content")},
                 .status = Status::kFail,
                 .eof = true},
                tags);
}

bool parses(std::string_view bytes) {
  return parse_packet(as_bytes(bytes)).has_value();
}

std::vector<std::string_view> tags_of(std::string_view bytes) {
  const auto packet = parse_packet(as_bytes(bytes));
  REQUIRE(packet);
  const std::vector<std::string_view> tags(packet->tags.begin(), packet->tags.end());
  CHECK(tags.size() == packet->tags.size());
  return tags;
}

}  // namespace

TEST_CASE("a packet gives back what was put into it") {
  const std::string bytes = complete();
  const auto packet = parse_packet(as_bytes(bytes));
  REQUIRE(packet);
  CHECK(packet->test_id == "id");
  CHECK(packet->route_code == "0");
  CHECK(packet->mime_type == "text/plain");
  CHECK(packet->timestamp == Timestamp{7, 8});
  REQUIRE(packet->file);
  CHECK(packet->file->name == "f");
  CHECK(as_text(packet->file->content) == "content");
  CHECK(packet->status == Status::kFail);
  CHECK(packet->runnable);
  CHECK(packet->eof);
  CHECK(tags_of(bytes) == std::vector<std::string_view>{"one", "two"});
}

TEST_CASE("raw is the whole packet, and encoded its fields without the route code") {
  const std::string bytes = complete();
  const auto packet = parse_packet(as_bytes(bytes));
  REQUIRE(packet);
  CHECK(as_text(packet->raw) == bytes);
  CHECK(packet->raw.data() == as_bytes(bytes).data());
  CHECK("\xB3"s + "\x2F\xF6" + number(static_cast<std::uint32_t>(bytes.size()), 1) +
            std::string(as_text(packet->encoded)) + text("0") ==
        bytes.substr(0, bytes.size() - kCrcSize));
}

TEST_CASE("fields that are absent, and fields that are there and empty, differ") {
  const std::string none = packet({.runnable = false});
  const auto absent = parse_packet(as_bytes(none));
  REQUIRE(absent);
  CHECK_FALSE(absent->test_id);
  CHECK_FALSE(absent->route_code);
  CHECK_FALSE(absent->mime_type);
  CHECK_FALSE(absent->timestamp);
  CHECK_FALSE(absent->file);
  CHECK_FALSE(absent->runnable);
  CHECK_FALSE(absent->eof);
  CHECK(absent->tags.size() == 0);
  CHECK(absent->tags.begin() == absent->tags.end());

  const std::string empty =
      packet({.test_id = "", .route_code = "", .mime_type = "", .file = File{"", {}}});
  const auto there = parse_packet(as_bytes(empty));
  REQUIRE(there);
  CHECK(there->test_id == "");
  CHECK(there->route_code == "");
  CHECK(there->mime_type == "");
  REQUIRE(there->file);
  CHECK(there->file->name == "");
  CHECK(there->file->content.empty());
}

TEST_CASE("numbers longer than necessary are read") {
  for (std::size_t size = 1; size <= 4; ++size) {
    for (const std::size_t length_size : {1u, 2u, 3u}) {
      const std::string bytes =
          framed(0x2FF6,
                 "\x01\x02\x03\x04" + number(9, size) + text("id", size) + number(2, size) +
                     text("", size) + text("t", size) + text("m", size) + text("f", size) +
                     text("xy", size) + text("r", size),
                 length_size);
      const auto packet = parse_packet(as_bytes(bytes));
      REQUIRE(packet);
      CHECK(packet->timestamp == Timestamp{0x01020304, 9});
      CHECK(packet->test_id == "id");
      CHECK(packet->mime_type == "m");
      CHECK(packet->file->name == "f");
      CHECK(as_text(packet->file->content) == "xy");
      CHECK(packet->route_code == "r");
      CHECK(tags_of(bytes) == std::vector<std::string_view>{"", "t"});
    }
  }
}

TEST_CASE("anything but exactly one packet is refused") {
  const std::string whole = complete();
  CHECK(parses(whole));
  CHECK_FALSE(parses(""));
  CHECK_FALSE(parses(whole + "x"));
  CHECK_FALSE(parses(whole + whole));
  CHECK_FALSE(parses("x" + whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(parses(whole.substr(0, size)));
    CHECK_FALSE(parses(whole.substr(size + 1)));
  }
}

TEST_CASE("the header is held to the format") {
  CHECK(parses(framed(0x2000, "")));
  for (std::uint16_t version = 0; version < 16; ++version)
    CHECK(parses(framed(static_cast<std::uint16_t>(version << 12), "")) == (version == 2));
  CHECK_FALSE(parses(framed(0x2008, "")));
  CHECK_FALSE(parses(framed(0x2000, "", 4)));  // a length has three bytes at most
}

TEST_CASE("fields that do not take exactly what the length says are refused") {
  CHECK_FALSE(parses(framed(0x2000, "x")));
  CHECK_FALSE(parses(framed(0x2800, text("id") + "x")));
  CHECK_FALSE(parses(framed(0x2800, "\x03id")));
  CHECK_FALSE(parses(framed(0x2800, "")));
  CHECK_FALSE(parses(framed(0x2800, "\x40")));  // a number that goes on in the CRC
  CHECK_FALSE(parses(framed(0x2200, "\x01\x02\x03")));
  CHECK_FALSE(parses(framed(0x2200, "\x01\x02\x03\x04")));
  CHECK(parses(framed(0x2200, "\x01\x02\x03\x04\x05")));
  CHECK_FALSE(parses(framed(0x2040, text("f"))));
  CHECK_FALSE(parses(framed(0x2040, text("f") + "\x05" + "1234")));
  CHECK(parses(framed(0x2040, text("f") + "\x04" + "1234")));
  CHECK_FALSE(parses(framed(0x2040, text("f") + "\x03" + "1234")));
  CHECK_FALSE(parses(framed(0x2080, "\x02" + text("t"))));
  CHECK_FALSE(parses(framed(0x2080, "\x01" + text("t") + text("u"))));
  CHECK_FALSE(parses(framed(0x2840, text("id") + text("f") + "\xFF\xFF\xFF\xFF")));
}

TEST_CASE("strings that are no text are refused, content may be anything") {
  for (const std::string& bad : {std::string(1, '\0'), "\xFF"s, "\xC3"s, "\xED\xBF\xBF"s}) {
    CHECK_FALSE(parses(framed(0x2800, text(bad))));
    CHECK_FALSE(parses(framed(0x2400, text(bad))));
    CHECK_FALSE(parses(framed(0x2020, text(bad))));
    CHECK_FALSE(parses(framed(0x2080, "\x01" + text(bad))));
    CHECK_FALSE(parses(framed(0x2040, text(bad) + text(""))));
    CHECK(parses(framed(0x2040, text("") + text(bad))));
  }
}

TEST_CASE("a character may not go on from one string into the next") {
  CHECK_FALSE(parses(framed(0x2080, "\x02\x02" + "a\xC3"s + "\x02\xA9z")));
}

TEST_CASE("more tags than anybody needs are refused") {
  std::string tags;
  for (std::uint32_t i = 0; i < kMaxTags; ++i) tags += text("t");
  CHECK(parses(framed(0x2080, number(kMaxTags, 2) + tags)));
  CHECK_FALSE(parses(framed(0x2080, number(kMaxTags + 1, 2) + tags + text("t"))));
}

TEST_CASE("tags are iterated in the order of the packet, repeated and empty ones too") {
  const std::string longer(300, 'l');
  const std::string_view tags[] = {"b", "", "a", longer, "b", "\xC3\xA9"};
  CHECK(tags_of(packet({.test_id = "id"}, tags)) ==
        std::vector<std::string_view>{"b", "", "a", longer, "b", "\xC3\xA9"});
  CHECK(tags_of(framed(0x2080, number(0, 1))).empty());
  CHECK(tags_of(framed(0x2080, number(0, 4))).empty());
}

TEST_CASE("sizes that no shortest form has are read too") {
  const std::string small = framed(0x2800, text(std::string(54, 'i')), 2);
  REQUIRE(small.size() == 64);
  CHECK(parses(small));
  const std::string large = framed(0x2800, text(std::string(16372, 'i'), 2), 3);
  REQUIRE(large.size() == 16384);
  CHECK(parses(large));
}

TEST_CASE("statuses have the names that subunit gives them") {
  const std::string_view names[] = {"",          "exists", "inprogress", "success",
                                    "uxsuccess", "skip",   "fail",       "xfail"};
  for (unsigned value = 0; value < 8; ++value)
    CHECK(name_of(static_cast<Status>(value)) == names[value]);
  for (const Status status : {Status::kNone, Status::kExists, Status::kInProgress})
    CHECK_FALSE(is_final(status));
  for (const Status status : {Status::kSuccess, Status::kUnexpectedSuccess, Status::kSkip,
                              Status::kFail, Status::kExpectedFailure})
    CHECK(is_final(status));
  CHECK(is_failure(Status::kFail));
  CHECK(is_failure(Status::kUnexpectedSuccess));
  CHECK_FALSE(is_failure(Status::kExpectedFailure));
  CHECK_FALSE(is_failure(Status::kSkip));
}
