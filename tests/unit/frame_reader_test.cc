#include "common/link/reader/frame_reader.h"

#include <doctest/doctest.h>

#include <ctime>

#include "common/base/crc.h"
#include "common/link/frame/base64.h"
#include "common/link/frame/frame_text.h"
#include "tests/unit/armour.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::string_literals;

namespace {

using std::chrono::milliseconds;

// What the kernel may print in the middle of a frame.
const std::string kLine = "[   12.345678] usb 1-1: new high-speed USB device number 2\r\n";

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
        "\x1B[38;5;1m"s, "\x1B]0;title % ;\x07"s, "\x1B]2;x\x1B\\"s, "\x1B(B\x1B[m"s}) {
    CAPTURE(between);
    const std::string frame = frame_of("a body");
    std::string everywhere;
    for (const char c : frame.substr(0, frame.size() - 2)) everywhere += c + between;
    check_pieces("x" + everywhere + ";\n" + frame, {"Nx", "Fa body", "Fa body"});
    if (between.find('\n') == std::string::npos)
      check_pieces(everywhere + ";" + between + "\ny", {"Fa body", "Ny"});
  }
}

TEST_CASE("the damaged part of the noise ends with the frame's ';' or the line") {
  const std::string frame = frame_of("a body");
  const std::string open = frame.substr(0, 20);
  check_pieces(open + ";login: \n", {"D" + open + ";", "Nlogin: \n"});
  check_pieces(open + ";\r\nlogin: \n", {"D" + open + ";\r\n", "Nlogin: \n"});
  check_pieces(open + ".\r\nlogin;", {"D" + open + ".\r\n", "Nlogin;"});
  check_pieces("a #%u foo\nbar.\n", {"Na ", "D#%u foo\n", "Nbar.\n"});
  check_pieces("# foo\nbar#", {"N# foo\nbar#"});
}

TEST_CASE("a frame that says to be longer than a frame may be is none") {
  for (const std::size_t size : {kMaxBodyText, kMaxBodyText + 4}) {
    Buffer text;
    append_frame_header({.frame = {.type = Frame::Type::kData}, .body_text = size}, text);
    text.resize(text.size() + size, 'A');
    append_base64_number(crc32c(text), 6, text);
    const std::string frame = "#%" + std::string(as_text(text)) + ";\n";
    CHECK(hear(frame).frames().size() == (size == kMaxBodyText ? 1 : 0));
    CHECK(hear(frame, 1) == hear(frame));
  }
}

TEST_CASE("a '#' in a text is held back no longer than it may be a mark") {
  FrameReader reader;
  Heard heard;
  const auto hear_text = [&](const std::string& text) {
    reader.receive(as_bytes(text), Time(0));
    heard.take(reader);
  };
  hear_text("root# ");
  CHECK(heard.noise() == "root");
  hear_text("ls #5\r\n");
  CHECK(heard.noise() == "root");
  hear_text("x");
  CHECK(heard.noise() == "root# ls #5\r\nx");
  hear_text("#\r\n");
  CHECK(reader.next_deadline());
  hear_text("x");
  CHECK(!reader.next_deadline());
  CHECK(heard.noise() == "root# ls #5\r\nx#\r\nx");
}

TEST_CASE("what may belong to the line end of a frame is text after the stall timeout") {
  for (const std::string& text : {"\x1B["s, "text\r\n\r"s}) {
    FrameReader reader;
    Heard heard;
    const std::string frame = frame_of("x");
    reader.receive(as_bytes(frame.substr(0, frame.size() - 1) + text), Time(0));
    heard.take(reader);
    REQUIRE(reader.next_deadline());
    reader.tick(FrameReader::kStallTimeout);
    heard.take(reader);
    CHECK(!reader.next_deadline());
    CHECK(heard.pieces == std::vector{"Fx"s, "N" + text});
  }
}

TEST_CASE("marks and headers in the noise hide no frame") {
  const std::string frame = frame_of("x");
  for (const std::string& forged :
       {"#%"s, "#"s, "##"s, "#%#%"s, "#%D"s, "#%DAAAAAAAAAAAA-g"s, "#%eAAAAAAAAAAAA-g"s,
        "#%DAAAAAAAAAAAA__"s, "# %"s, "#\r\n"s, "#\r\nx"s, "#%\r\n;"s, "#% ;"s, "\x1B[#%"s}) {
    CAPTURE(forged);
    for (const std::string& stream : {forged + frame, forged + frame + forged + frame}) {
      const Heard heard = hear(stream);
      CHECK(heard.frames().size() == (stream.size() > forged.size() + frame.size() ? 2 : 1));
      CHECK(escaped(heard.noise()) ==
            escaped(heard.frames().size() == 2 ? forged + forged : forged));
      CHECK(heard == hear(stream, 1));
    }
  }
}

TEST_CASE("half a frame is noise after the stall timeout, and what follows is none of it") {
  const std::string frame = frame_of("some body");
  for (std::size_t size = 1; size < frame.size() - 1; ++size) {
    FrameReader reader;
    Heard heard;
    CHECK(!reader.next_deadline());
    reader.receive(as_bytes("x" + frame.substr(0, size)), milliseconds(100));
    heard.take(reader);
    CHECK(heard.pieces == std::vector{"Nx"s});
    REQUIRE(reader.next_deadline() == milliseconds(600));
    reader.tick(milliseconds(599));
    heard.take(reader);
    CHECK(heard.pieces == std::vector{"Nx"s});
    reader.tick(milliseconds(600));
    heard.take(reader);
    CHECK(heard.noise() == "x" + frame.substr(0, size));
    CHECK(reader.counts().damaged == (size > 1 ? 1 : 0));
    CHECK(!reader.next_deadline());
    reader.receive(as_bytes(frame), milliseconds(700));
    heard.take(reader);
    CHECK(heard.frames() == std::vector{"some body"s});
    CHECK(!reader.next_deadline());
  }
}

TEST_CASE("a frame that trickles in is not cut, nor is one that a foreign line has torn") {
  for (const std::size_t at : {1u, 10u, 30u}) {
    FrameReader reader;
    Heard heard;
    Time now(0);
    for (const char c : with_insertion(frame_of("some body"), at, kLine)) {
      now += milliseconds(499);
      reader.tick(now);
      reader.receive(as_bytes(std::string_view(&c, 1)), now);
      heard.take(reader);
    }
    CHECK(heard.frames() == std::vector{"some body"s});
    CHECK(heard.noise() == kLine);
  }
}

TEST_CASE("a frame comes out with its ';', and nothing is waited for behind it") {
  const std::string frame = frame_of("some body");
  for (const std::size_t at : {0u, 1u, 2u, 12u, 30u}) {
    const std::string stream = with_insertion(frame, at, kLine);
    FrameReader reader;
    Heard heard;
    reader.receive(as_bytes(stream.substr(0, stream.size() - 2)), Time(0));
    heard.take(reader);
    CHECK(heard.frames().empty());
    reader.receive(as_bytes(";"), Time(0));
    heard.take(reader);
    CHECK(heard.frames() == std::vector{"some body"s});
    CHECK(!reader.next_deadline());
  }
}

TEST_CASE("text without marks is not held back") {
  FrameReader reader;
  Heard heard;
  const std::string text = "login: \x1B[1m; %d\r";
  for (const char c : text) {
    reader.receive(as_bytes(std::string_view(&c, 1)), Time(0));
    heard.take(reader);
    CHECK(!reader.next_deadline());
  }
  CHECK(heard.noise() == text);
}

TEST_CASE("what may become a frame takes bounded memory") {
  for (const std::string& start : {"#"s, "#%"s, "#%D"s, "#%:"s, frame_of("").substr(0, 10)})
    for (const char fill : {' ', 'A', 'x', ';', '\n', '.', '#', '\x1B'}) {
      CAPTURE(start);
      CAPTURE(fill);
      FrameReader reader;
      std::size_t out = 0;
      std::string stream = start + std::string(20000, fill);
      for (std::size_t in = 1; in <= stream.size(); ++in) {
        reader.receive(as_bytes(stream.substr(in - 1, 1)), Time(0));
        while (const auto event = reader.next_event())
          out += std::get<LineNoise>(*event).bytes.size();
        REQUIRE(in - out <= FrameReader::kMaxHeld);
      }
    }
}

TEST_CASE("floods of what looks like frames cost work in proportion") {
  const std::string header = frame_of("x").substr(0, 15) + "-g";
  std::string lines;
  while (lines.size() < 7000) lines += "AA\n";
  for (const std::string& piece : {"#%"s,
                                   "#"s,
                                   "#\r\n"s,
                                   "#a"s,
                                   ";"s,
                                   "#%\r\n;"s,
                                   "A\r\n;"s,
                                   "#%D:A\r\n;"s,
                                   header,
                                   header + "\r\n;",
                                   header + ":\r\nA;",
                                   header + lines + ";",
                                   "#%DA\r\n"s,
                                   "\x1B]"s,
                                   "#%\x1B]"s,
                                   "#%\x1B[1"s,
                                   "#[\r\n%"s,
                                   "#\r\n%"s,
                                   "#%" + std::string(100, '\n') + ";",
                                   "#%:" + std::string(1000, 'A') + ":\r\n;"}) {
    CAPTURE(escaped(piece));
    std::string stream = "#%:";
    while (stream.size() < 1 << 19) stream += piece;
    FrameReader reader;
    std::size_t in = 0;
    const std::clock_t start = std::clock();
    const Heard heard = hear_pieces(reader, stream, [&] { return in++ < 1 << 17 ? 1 : 4096; });
    CHECK(heard.noise().size() + reader.frame_bytes() == stream.size());
    CHECK(reader.counts().repair_work <=
          32 * stream.size() + FrameReader::kMaxRepairWork + 2 * FrameReader::kMaxHeld);
    // Hundredths of a second where it is fast; the other work would take minutes if it were
    // quadratic in what is held.
    CHECK((std::clock() - start) / CLOCKS_PER_SEC < 10);
  }
}
