#include "common/subunit/decoder.h"

#include <doctest/doctest.h>

#include <chrono>
#include <random>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace std::string_literals;
using std::chrono::milliseconds;

namespace {

const std::string kStart = status("a.test", Status::kInProgress);
const std::string kEnd = status("a.test", Status::kSuccess);
// A packet of the largest size with an attachment that takes all of it: nothing
// that follows can contradict this header but the CRC.
const std::string kForgedFile("\xB3\x20\x40\xBF\xFF\xFF\x00\xBF\xFF\xF1", 10);

/// What a decoder must make of `stream`, however the bytes arrive.
void check_pieces(const std::string& stream, const std::vector<std::string>& pieces) {
  CHECK(decode(stream).pieces == pieces);
  CHECK(decode(stream, 1).pieces == pieces);
  CHECK(decode(stream, 7).pieces == pieces);
  for (std::uint32_t seed = 0; seed < 20; ++seed)
    CHECK(decode_at_cuts(stream, seed).pieces == pieces);
}

std::string file_packet(std::size_t content_size, char fill = 'x') {
  const std::string content(content_size, fill);
  return packet({.test_id = "a.test", .file = File{"log", as_bytes(content)}});
}

}  // namespace

TEST_CASE("packets and the noise between them come out whole and in order") {
  check_pieces("before" + kStart + "within" + kEnd + kStart + "after",
               {"Nbefore", "P" + kStart, "Nwithin", "P" + kEnd, "P" + kStart, "Nafter"});
}

TEST_CASE("a line feed right behind a packet is its end where the writer ends lines") {
  const std::string stream =
      "\n" + kStart + "\n" + kEnd + kStart + "\n\ntext\n" + kEnd + "text" + kStart + "\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, stream.size()}) {
    Decoder decoder;
    decoder.skip_line_feeds();
    Decoded decoded;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      decoder.receive(as_bytes(std::string_view(stream).substr(at, step)), Time(0));
      decoded.take(decoder);
    }
    CHECK(decoded.pieces == std::vector{"N\n"s, "P" + kStart, "P" + kEnd, "P" + kStart,
                                        "N\ntext\n"s, "P" + kEnd, "Ntext"s, "P" + kStart});
    CHECK(decoder.pending() == 0);
  }
  check_pieces(kStart + "\n" + kEnd, {"P" + kStart, "N\n", "P" + kEnd});
}

TEST_CASE("from the first packet of such a writer on, line feeds can be skipped") {
  const std::string stream = kStart + "\n" + kEnd + "\n";
  Decoder decoder;
  decoder.receive(as_bytes(stream), Time(0));
  REQUIRE(decoder.next_event());
  decoder.skip_line_feeds();
  CHECK_FALSE(decoder.skipped_line_feed());
  Decoded decoded;
  decoded.take(decoder);
  CHECK(decoded.pieces == std::vector{"P" + kEnd});
  CHECK(decoder.skipped_line_feed());
}

TEST_CASE("a dangling UTF-8 lead byte right before a packet does not hide it") {
  check_pieces("Gr\xC3" + kStart, {"NGr\xC3", "P" + kStart});
  check_pieces("\xE2\x82" + kStart, {"N\xE2\x82", "P" + kStart});
}

TEST_CASE("signature bytes in Latin-1 and box-drawing text are noise") {
  check_pieces("5 m\xB3 water" + kStart, {"N5 m\xB3 water", "P" + kStart});
  check_pieces("\xE2\x94\xB3\xE2\x94\xB3" + kStart, {"N\xE2\x94\xB3\xE2\x94\xB3", "P" + kStart});
  check_pieces("\xB3\xB3\xB3" + kStart, {"N\xB3\xB3\xB3", "P" + kStart});
  check_pieces("\xB3 n " + kStart, {"N\xB3 n ", "P" + kStart});
}

TEST_CASE("a header of zeros is noise") {
  const std::string zeros("\xB3\0\0\0\0\0", 6);
  check_pieces(zeros + kStart, {"N" + zeros, "P" + kStart});
}

TEST_CASE("a false signature claiming 4 MiB does not swallow the packets behind it") {
  const std::string forged("\xB3\x29\x00\xBF\xFF\xFF", 6);
  check_pieces(forged + kStart + kEnd, {"N" + forged, "P" + kStart, "P" + kEnd});
}

TEST_CASE(
    "text in the middle of a packet makes noise of it and costs no other "
    "packet") {
  const std::string torn = kStart.substr(0, 9) + "[kernel]" + kStart.substr(9);
  check_pieces(kEnd + torn + kEnd, {"P" + kEnd, "N" + torn, "P" + kEnd});
}

TEST_CASE("a packet cut at either end is noise") {
  for (std::size_t cut = 1; cut < kStart.size(); ++cut) {
    const std::string head = kStart.substr(0, cut);
    const std::string tail = kStart.substr(cut);
    check_pieces(head + kEnd, {"N" + head, "P" + kEnd});
    check_pieces(tail + kEnd, {"N" + tail, "P" + kEnd});
    check_pieces(kEnd + head, {"P" + kEnd, "N" + head});
  }
}

TEST_CASE("packets may straddle the sizes in which readers read") {
  for (const std::size_t boundary : {4096u, 65536u, 223361u}) {
    for (const int shift : {-40, -7, -3, -1, 0, 1}) {
      const std::string before(boundary + shift, '.');
      const std::string stream = before + kStart + kEnd;
      const Decoded expected{{"N" + before, "P" + kStart, "P" + kEnd}};
      CHECK(decode(stream, boundary) == expected);
      CHECK(decode(stream, 4096) == expected);
    }
  }
}

TEST_CASE("the largest packet is accepted, in one piece and in many") {
  const std::string largest =
      file_packet(kMaxPacketSize - file_packet(1 << 22 >> 1).size() + (1 << 22 >> 1));
  REQUIRE(largest.size() == kMaxPacketSize);
  const Decoded expected{{"P" + kStart, "P" + largest, "P" + kEnd}};
  CHECK(decode(kStart + largest + kEnd) == expected);
  CHECK(decode(kStart + largest + kEnd, 4096) == expected);
  CHECK(decode(kStart + largest + kEnd, 100000) == expected);
}

TEST_CASE("a packet inside another packet's attachment stays there") {
  const std::string inner = kStart + kEnd;
  const std::string outer = packet({.file = File{"stdout", as_bytes(inner)}});
  check_pieces(outer + kEnd, {"P" + outer, "P" + kEnd});
}

TEST_CASE(
    "packets waiting behind a stalled false candidate come out after the "
    "stall timeout") {
  Decoder decoder;
  Decoded decoded;
  decoder.receive(as_bytes(kForgedFile + kStart + kEnd), milliseconds(1000));
  decoded.take(decoder);
  CHECK(decoded.pieces.empty());
  REQUIRE(decoder.next_deadline() == milliseconds(1200));
  decoder.tick(milliseconds(1199));
  decoded.take(decoder);
  CHECK(decoded.pieces.empty());
  decoder.tick(milliseconds(1200));
  decoded.take(decoder);
  CHECK(decoded.pieces == std::vector{"N" + kForgedFile, "P" + kStart, "P" + kEnd});
  CHECK_FALSE(decoder.next_deadline().has_value());
}

TEST_CASE("a real packet that comes with pauses is not cut") {
  Decoder decoder;
  Decoded decoded;
  const std::string real = file_packet(5000, '\xB3');
  Time now(0);
  for (std::size_t at = 0; at < real.size(); at += 100) {
    decoder.receive(as_bytes(real.substr(at, 100)), now);
    decoded.take(decoder);
    now += milliseconds(900);
    decoder.tick(now);
    decoded.take(decoder);
  }
  CHECK(decoded.pieces == std::vector{"P" + real});
}

TEST_CASE(
    "releasing a false candidate does not cut the real packet that is "
    "still arriving") {
  Decoder decoder;
  Decoded decoded;
  decoder.receive(as_bytes(kForgedFile + kStart + kEnd.substr(0, 10)), Time(0));
  decoded.take(decoder);
  decoder.tick(milliseconds(200));
  decoded.take(decoder);
  decoder.receive(as_bytes(kEnd.substr(10)), milliseconds(1000));
  decoded.take(decoder);
  CHECK(decoded.pieces == std::vector{"N" + kForgedFile, "P" + kStart, "P" + kEnd});
}

TEST_CASE("noise comes in bounded pieces and is not held back") {
  Decoder decoder;
  const std::string text(3 * Decoder::kMaxNoise + 5, 'n');
  decoder.receive(as_bytes(text), Time(0));
  std::vector<std::size_t> sizes;
  while (auto event = decoder.next_event()) sizes.push_back(std::get<Noise>(*event).bytes.size());
  CHECK(sizes == std::vector<std::size_t>{65536, 65536, 65536, 5});
}

TEST_CASE("a run of packets is one contiguous piece of memory") {
  Decoder decoder;
  decoder.receive(as_bytes(kStart + kEnd + kStart), Time(0));
  const std::uint8_t* next = nullptr;
  int packets = 0;
  while (auto event = decoder.next_event()) {
    const Bytes raw = std::get<Packet>(*event).raw;
    if (next) CHECK(raw.data() == next);
    next = raw.data() + raw.size();
    ++packets;
  }
  CHECK(packets == 3);
}

TEST_CASE("one forged header in a packet's bytes is refused field by field") {
  // Every single-bit error in a small packet with all fields must be noticed.
  const std::string_view tags[] = {"one", "two"};
  const std::string whole = packet({.test_id = "id",
                                    .route_code = "0",
                                    .mime_type = "text/plain",
                                    .timestamp = Timestamp{7, 8},
                                    .file = File{"f", as_bytes("content")},
                                    .status = Status::kFail,
                                    .eof = true},
                                   tags);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    CHECK(decode(damaged + kEnd).pieces == std::vector{"N" + damaged, "P" + kEnd});
  }
}

TEST_CASE("random mixtures lose no byte, whatever the cuts") {
  std::mt19937 random(20261123);
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    for (int i = 0; i < 30; ++i) {
      switch (random() % 8) {
        case 0:
          stream += kStart;
          break;
        case 1:
          stream += kEnd;
          break;
        case 2:
          stream += file_packet(random() % 2000, static_cast<char>(random()));
          break;
        case 3:
          stream += kStart.substr(0, random() % kStart.size());
          break;
        case 4:
          stream += std::string("\xB3\x29\x00\xBF\xFF\xFF", 3 + random() % 4);
          break;
        case 5:
          stream += std::string(random() % 20, '\xB3');
          break;
        case 6:
          for (auto n = random() % 40; n > 0; --n) stream += static_cast<char>(random());
          break;
        default:
          stream += "C2 text \xC2\xB3\x2B\xC2\xBF text";
      }
    }
    const Decoded whole = decode(stream);
    CHECK(whole.bytes() == stream);
    CHECK(decode(stream, 1) == whole);
    CHECK(decode_at_cuts(stream, static_cast<std::uint32_t>(random())) == whole);
  }
}

TEST_CASE(
    "forged headers, however many, cost a time that grows with the bytes "
    "only") {
  // Each line is a candidate that claims megabytes, and whose texts hold the
  // candidates behind it. Looking at each claim's bytes would take minutes
  // here.
  const auto flood = [](std::string_view header, std::size_t size) {
    std::string stream;
    while (stream.size() < size) stream += header;
    return stream + kEnd;
  };
  // A test id that goes on until the CRC, of characters of which some look like
  // the next header.
  const std::string text("\xC2\xB3\x28\xC2\xBF\x7F\xC2\xBF\x7F\x74", 10);
  for (const std::string& header : {kForgedFile, text}) {
    CHECK(decode(flood(header, 1 << 23)).packets() == std::vector{kEnd});
  }
}

TEST_CASE("a packet comes out with its last byte, however its bytes arrive") {
  const std::string_view tags[] = {"one", "two"};
  for (const std::size_t content : {0u, 1u, 100u, 20000u}) {
    const std::string bytes(content, 'c');
    const std::string real = packet({.test_id = "id",
                                     .route_code = content % 2 == 0 ? "0" : "",
                                     .mime_type = "text/plain",
                                     .timestamp = Timestamp{7, 8},
                                     .file = File{"f", as_bytes(bytes)}},
                                    tags);
    for (const std::size_t step : {1u, 3u, 1000u, 1u << 20}) {
      Decoder decoder;
      Decoded decoded;
      for (std::size_t at = 0; at < real.size(); at += step) {
        CHECK(decoded.pieces.empty());
        decoder.receive(as_bytes(std::string_view(real).substr(at, step)), Time(0));
        decoded.take(decoder);
      }
      CHECK(decoded.pieces == std::vector{"P" + real});
      CHECK_FALSE(decoder.next_deadline().has_value());
    }
  }
}

TEST_CASE("a packet that is cut anywhere comes out with its last byte") {
  for (const std::string& real : {kStart, file_packet(100), file_packet(3000)}) {
    for (std::size_t cut = 1; cut < real.size(); ++cut) {
      Decoder decoder;
      Decoded decoded;
      decoder.receive(as_bytes(std::string_view(real).substr(0, cut)), Time(0));
      decoded.take(decoder);
      decoder.receive(as_bytes(std::string_view(real).substr(cut)), Time(0));
      decoded.take(decoder);
      CHECK(decoded.pieces == std::vector{"P" + real});
    }
  }
}

TEST_CASE("one silence releases every false candidate with a packet behind it") {
  Decoder decoder;
  Decoded decoded;
  std::string stream;
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    stream += kForgedFile + kStart;
    expected.insert(expected.end(), {"N" + kForgedFile, "P" + kStart});
  }
  decoder.receive(as_bytes(stream), Time(0));
  decoded.take(decoder);
  CHECK(decoded.pieces.empty());
  while (const auto deadline = decoder.next_deadline()) {
    CHECK(*deadline == Decoder::kStallTimeout);
    decoder.tick(*deadline);
    decoded.take(decoder);
  }
  CHECK(decoded.pieces == expected);
}

TEST_CASE("a candidate is released from behind more noise than one piece holds") {
  Decoder decoder;
  Decoded decoded;
  const std::string text(2 * Decoder::kMaxNoise, 'n');
  const std::string stream = text + kForgedFile + text + kStart + kForgedFile;
  decoder.receive(as_bytes(stream), Time(0));
  decoder.tick(milliseconds(200));  // no candidate is known before the first look
  decoded.take(decoder);
  CHECK(decoded.pieces == std::vector{"N" + text});
  decoder.tick(milliseconds(200));
  decoded.take(decoder);
  CHECK(decoded.pieces == std::vector{"N" + text + kForgedFile + text, "P" + kStart});
  CHECK(decoder.pending() == kForgedFile.size());
}

TEST_CASE(
    "packets are found among forged headers so many that an index "
    "answers for their bytes") {
  const std::string text("\xC2\xB3\x28\xC2\xBF\x7F\xC2\xBF\x7F\x74", 10);
  std::string stream;
  std::size_t packets = 0;
  for (std::size_t i = 0; stream.size() < 1 << 20; ++i) {
    for (std::size_t n = i % 50; n > 0; --n) stream += i % 3 == 0 ? kForgedFile : text;
    stream += i % 2 == 0 ? kStart : file_packet(i % 700);
    ++packets;
  }
  for (const std::size_t step : {std::size_t{1000}, std::size_t{65536}, stream.size()}) {
    const Decoded decoded = decode(stream, step);
    CHECK(decoded.packets().size() == packets);
    CHECK(decoded.bytes() == stream);
  }
}

TEST_CASE("memory stays near twice the largest packet, and is given back") {
  Decoder decoder;
  const std::string largest =
      file_packet(kMaxPacketSize - file_packet(1 << 22 >> 1).size() + (1 << 22 >> 1));
  std::string stream;
  for (int i = 0; i < 3; ++i) stream += kStart + largest;
  std::size_t most = 0;
  Decoded decoded;
  for (std::size_t at = 0; at < stream.size(); at += 65536) {
    const auto room = decoder.prepare(65536);
    most = std::max(most, decoder.pending() + room.size());
    decoder.receive(as_bytes(std::string_view(stream).substr(at, 65536)), Time(0));
    decoded.take(decoder);
  }
  CHECK(decoded.packets().size() == 6);
  CHECK(most <= 2 * kMaxPacketSize + 3 * 65536);
  CHECK(decoder.prepare(65536).size() == 65536);
}
