#include "common/link/frame_reader.h"

#include <doctest/doctest.h>

#include "tests/unit/armour.h"

using namespace subunit;
using namespace std::string_literals;

namespace {

/// What a reader must make of `stream`, however the bytes arrive.
void check_pieces(const std::string& stream, const std::vector<std::string>& pieces) {
  CAPTURE(escaped(stream, 500));
  CHECK(shown(hear(stream).pieces) == shown(pieces));
  CHECK(shown(hear(stream, 1).pieces) == shown(pieces));
  CHECK(shown(hear(stream, 7).pieces) == shown(pieces));
  for (std::uint32_t seed = 0; seed < 10; ++seed)
    CHECK(shown(hear_at_cuts(stream, seed).pieces) == shown(pieces));
}

}  // namespace

TEST_CASE("frames and the noise between them come out whole and in order") {
  check_pieces("before" + frame_of("one") + "within" + frame_of("") + frame_of("two") + "after",
               {"Nbefore", "Fone", "Nwithin", "F", "Ftwo", "Nafter"});
}

TEST_CASE("all that a frame says comes out again") {
  const std::string body = "\0\xFF body"s;
  for (const auto type : {Frame::Type::kHello, Frame::Type::kData, Frame::Type::kFinish,
                          Frame::Type::kAck, Frame::Type::kPing, Frame::Type::kTest,
                          Frame::Type::kTestResult, Frame::Type::kEcho, Frame::Type::kReset})
    for (const auto direction : {Frame::Direction::kToServe, Frame::Direction::kToClient}) {
      FrameReader reader;
      reader.receive(as_bytes(frame_text({.type = type,
                                          .direction = direction,
                                          .session = 1,
                                          .sequence = 0xFFFFFF,
                                          .acknowledged = 0x123456,
                                          .body = as_bytes(body)})),
                     Time(0));
      const auto event = reader.next_event();
      REQUIRE(event);
      const auto& frame = std::get<Frame>(*event);
      CHECK(frame.type == type);
      CHECK(frame.direction == direction);
      CHECK(frame.session == 1);
      CHECK(frame.sequence == 0xFFFFFF);
      CHECK(frame.acknowledged == 0x123456);
      CHECK(as_text(frame.body) == body);
    }
}

TEST_CASE("a damaged frame costs no other") {
  std::string damaged = frame_of("one");
  damaged[20] = '!';
  check_pieces(frame_of("0") + damaged + frame_of("2"), {"F0", "D" + damaged, "F2"});
  const std::string cut = frame_of("one").substr(0, 20);
  check_pieces(frame_of("0") + cut + frame_of("2"), {"F0", "D" + cut, "F2"});
  const std::string shorter = frame_of("one").erase(20, 1);
  check_pieces(frame_of("0") + shorter + frame_of("2"), {"F0", "D" + shorter, "F2"});
}

TEST_CASE("what terminals put between characters counts for nothing") {
  for (const std::string& between :
       {"\r\n"s, "\n"s, "\r"s, " \r"s, "\0"s, "\x11"s, "\x13"s, "\x1B[K"s, "\x1B[?25l"s,
        "\x1B[38;5;1m"s, "\x1B]0;title #% ;\x07"s, "\x1B]2;x\x1B\\"s, "\x1B(B\x1B[m"s}) {
    CAPTURE(between);
    const std::string frame = frame_of("a body");
    std::string everywhere;
    for (const char c : frame.substr(0, frame.size() - 2)) everywhere += c + between;
    check_pieces("x" + everywhere + ";\n" + frame, {"Nx", "Fa body", "Fa body"});
    if (between.find('\n') == std::string::npos)
      check_pieces(everywhere + ";" + between + "\ny", {"Fa body", "Ny"});
  }
}
