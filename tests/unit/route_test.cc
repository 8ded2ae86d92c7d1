#include <doctest/doctest.h>

#include "common/subunit/encoder.h"
#include "tests/unit/streams.h"

using namespace subunit;
using namespace std::string_literals;

namespace {

const std::string kOutput = "some\0 output\xB3"s;

Packet parsed(std::string_view bytes) {
  const auto packet = parse_packet(as_bytes(bytes));
  REQUIRE(packet);
  return *packet;
}

std::string with_hop(std::string_view encoded, std::string_view hop) {
  Buffer out;
  REQUIRE(add_route(parsed(encoded), hop, out));
  return std::string(as_text(out));
}

std::string without_hop(std::string_view encoded) {
  Buffer out;
  REQUIRE(strip_route(parsed(encoded), out));
  return std::string(as_text(out));
}

/// Every combination of fields, but for the route code.
std::vector<Fields> combinations() {
  std::vector<Fields> all;
  for (unsigned bits = 0; bits < 1 << 7; ++bits) {
    Fields fields{.status = static_cast<Status>(bits % 8)};
    if (bits & 1) fields.test_id = "pkg.mod.Class.test_name";
    if (bits & 2) fields.mime_type = "text/plain;charset=utf8";
    if (bits & 4) fields.timestamp = Timestamp{1700000000, 123456789};
    if (bits & 8) fields.file = File{"stdout", as_bytes(kOutput)};
    if (bits & 16) fields.runnable = false;
    if (bits & 32) fields.eof = true;
    all.push_back(fields);
  }
  return all;
}

}  // namespace

TEST_CASE("a route code is split at its first slash") {
  CHECK(split_route("0").first == "0");
  CHECK_FALSE(split_route("0").rest);
  CHECK(split_route("0/3/1").first == "0");
  CHECK(split_route("0/3/1").rest == "3/1");
  CHECK(split_route("").first == "");
  CHECK_FALSE(split_route("").rest);
  CHECK(split_route("0/").rest == "");
  CHECK(split_route("/1").first == "");
  CHECK(split_route("/1").rest == "1");
}

TEST_CASE("rerouting gives what encoding anew gives") {
  const std::string_view two_tags[] = {"slow", "net"};
  for (const Fields& plain : combinations()) {
    for (const TagList tags : {TagList(), TagList(two_tags)}) {
      const auto routed = [&](std::optional<std::string_view> route) {
        Fields fields = plain;
        fields.route_code = route;
        return packet(fields, tags);
      };
      CHECK(with_hop(routed(std::nullopt), "7") == routed("7"));
      CHECK(with_hop(routed("1"), "7") == routed("7/1"));
      CHECK(with_hop(routed("1/2"), "7") == routed("7/1/2"));
      CHECK(with_hop(routed(""), "7") == routed("7/"));
      CHECK(without_hop(routed("7/1/2")) == routed("1/2"));
      CHECK(without_hop(routed("7/1")) == routed("1"));
      CHECK(without_hop(routed("7/")) == routed(""));
      CHECK(without_hop(routed("7")) == routed(std::nullopt));
      CHECK(without_hop(routed(std::nullopt)) == routed(std::nullopt));
    }
  }
}

TEST_CASE("a packet grows and shrinks over the boundaries of its length field") {
  for (const std::size_t size :
       {30u, 31u, 32u, 33u, 34u, 35u, 16356u, 16357u, 16358u, 16359u, 16360u, 16361u, 16362u,
        16363u, 16364u, 16365u, 16366u, 16367u, 16368u}) {
    CAPTURE(size);
    const std::string content(size, 'x');
    const auto routed = [&](std::optional<std::string_view> route) {
      return packet({.test_id = "t", .route_code = route, .file = File{"f", as_bytes(content)}});
    };
    const std::string hop = "a-long-hop";
    CHECK(with_hop(routed(std::nullopt), hop) == routed(hop));
    CHECK(without_hop(routed(hop)) == routed(std::nullopt));
    CHECK(with_hop(routed("b"), hop) == routed(hop + "/b"));
    CHECK(without_hop(routed(hop + "/b")) == routed("b"));
  }
}

TEST_CASE("a route code may itself be long") {
  for (const std::size_t size : {60u, 61u, 62u, 63u, 64u, 16381u, 16382u, 16383u, 70000u}) {
    CAPTURE(size);
    const std::string code(size, 'r');
    const std::string before = packet({.test_id = "t", .route_code = code});
    const std::string after = packet({.test_id = "t", .route_code = "0/" + code});
    CHECK(with_hop(before, "0") == after);
    CHECK(without_hop(after) == before);
  }
}

TEST_CASE("the bytes of the other fields stay as they came, however they were encoded") {
  // Every number longer than it had to be, the packet's own length too.
  const std::string others = "\x01\x02\x03\x04" + number(5, 3) + text("id", 4) + number(1, 2) +
                             text("tag", 3) + text("mime", 2) + text("name", 4) + text("body", 3);
  for (const std::size_t length_size : {2u, 3u}) {
    const std::string plain = framed(0x2BF3, others, length_size);
    const std::string routed = framed(0x2FF3, others + text("4/2", 4), length_size);
    CHECK(without_hop(plain) == framed(0x2BF3, others));
    CHECK(with_hop(plain, "9") == framed(0x2FF3, others + text("9")));
    CHECK(with_hop(routed, "9") == framed(0x2FF3, others + text("9/4/2")));
    CHECK(without_hop(routed) == framed(0x2FF3, others + text("2")));
  }
}

TEST_CASE("a packet with a set of no tags stays one") {
  const std::string plain = framed(0x2980, text("id") + number(0, 1));
  CHECK(with_hop(plain, "0") == framed(0x2D80, text("id") + number(0, 1) + text("0")));
  CHECK(without_hop(with_hop(plain, "0")) == plain);
}

TEST_CASE("a packet that has no room for a route code is split") {
  const std::string_view tags[] = {"tag"};
  const auto with_content = [&](std::size_t size, std::optional<std::string_view> route) {
    const std::string content(size, 'c');
    return packet({.test_id = "t",
                   .route_code = route,
                   .mime_type = "m",
                   .timestamp = Timestamp{1, 2},
                   .file = File{"f", as_bytes(content)},
                   .status = Status::kSkip,
                   .eof = true},
                  tags);
  };
  const std::size_t largest =
      kMaxPacketSize - (with_content(1 << 21, std::nullopt).size() - (1 << 21));
  // "10" takes three bytes: up to three below the largest it is one packet still.
  for (const std::size_t size : {largest - 4, largest - 3}) {
    const bool same = with_hop(with_content(size, std::nullopt), "10") == with_content(size, "10");
    CHECK(same);
  }
  for (const std::size_t size : {largest - 2, largest - 1, largest}) {
    CAPTURE(size);
    const Decoded pieces = decode(with_hop(with_content(size, std::nullopt), "10"));
    CHECK(pieces.packets().size() == pieces.pieces.size());
    std::size_t content = 0;
    std::size_t last = 0;
    for (const std::string& piece : pieces.packets()) {
      const Packet packet = parsed(piece);
      CHECK(packet.route_code == "10");
      CHECK(packet.test_id == "t");
      CHECK(packet.timestamp == Timestamp{1, 2});
      REQUIRE(packet.file);
      content += packet.file->content.size();
      if (packet.eof) {
        ++last;
        CHECK(content == size);
        CHECK(packet.status == Status::kSkip);
        CHECK(packet.tags.size() == 1);
      }
    }
    CHECK(content == size);
    CHECK(last == 1);
  }
}

TEST_CASE("a packet that has no room for a route code and cannot be split is refused") {
  const std::string id(
      kMaxPacketSize - packet({.test_id = std::string(1 << 21, 'i')}).size() + (1 << 21), 'i');
  const std::string largest = packet({.test_id = id});
  REQUIRE(largest.size() == kMaxPacketSize);
  Buffer out = {1};
  CHECK_FALSE(add_route(parsed(largest), "0", out));
  CHECK(out == Buffer{1});
}

TEST_CASE("a hop that is no text is refused, and nothing is appended") {
  const std::string plain = status("t", Status::kSuccess);
  for (const std::string& hop : {"\xFF"s, std::string(1, '\0'), "\xC3"s}) {
    Buffer out = {1};
    CHECK_FALSE(add_route(parsed(plain), hop, out));
    CHECK(out == Buffer{1});
  }
}

TEST_CASE("nested proxies add and take off hops in turn") {
  const std::string plain = packet({.test_id = "t", .route_code = "srv"});
  std::string there = plain;
  for (int hop = 0; hop < 30; ++hop) there = with_hop(there, std::to_string(hop));
  CHECK(parsed(there).route_code->substr(0, 9) == "29/28/27/");
  for (int hop = 0; hop < 30; ++hop) there = without_hop(there);
  CHECK(there == plain);
}
