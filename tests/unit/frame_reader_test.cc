#include "common/link/frame_reader.h"

#include <doctest/doctest.h>

#include <cctype>
#include <ctime>

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

namespace {

using std::chrono::milliseconds;

// Lines that the kernel, or somebody else, may print in the middle of a frame.
const std::vector<std::string> kLines = {
    "[   12.345678] usb 1-1: new high-speed USB device number 2\r\n",
    "[   12.345678] audit; #% of 5 ; #%dAAAA;\r\n",
    "[    1.000001] first of two\r\n[    1.000002] second; with #5\r\n",
    "[12345.678901] #%DAAAAAAAAAAAAAAAAAAAAA;\r\n",
    "Hello World\r\n",
    "ABCDEFGH\r\n",
    "#%d: printf; format\r\n",
    "## heading #1\r\n",
    "*** ;;; ***\r\n",
    "D\r\n",
    "\r\n[    3.141592] after an empty line\r\n",
    "\x1B[0;32m  OK  \x1B[0m Started a service.\r\n",
};

std::string with_insertion(std::string frame, std::size_t at, const std::string& line) {
  return frame.insert(at, line);
}

std::string random_body(std::mt19937& random, std::size_t size) {
  std::string body(size, '\0');
  for (char& c : body) c = static_cast<char>(random());
  return body;
}

std::string wrapped(const std::string& text, std::size_t columns, std::string_view by) {
  std::string out;
  std::size_t column = 0;
  for (const char c : text) {
    if (c == '\n') {
      column = 0;
    } else if (column++ == columns) {
      out += by;
      column = 1;
    }
    out += c;
  }
  return out;
}

}  // namespace

TEST_CASE("a line in the middle of a frame is taken out, wherever it stands") {
  for (const std::string& body : {"some body of the frame"s, ""s}) {
    const std::string frame = frame_of(body);
    for (const std::string& line : kLines)
      for (std::size_t at = 0; at <= frame.size(); ++at) {
        CAPTURE(escaped(line));
        CAPTURE(at);
        const std::string stream = frame_of("0") + with_insertion(frame, at, line) + frame_of("2");
        const Heard heard = hear(stream);
        CHECK(heard.frames() == std::vector{"0"s, body, "2"s});
        // Behind ';' an empty line is taken for the line end of the frame, and an escape sequence
        // for what counts for nothing.
        if (std::isprint(line[0]) || at + 1 != frame.size())
          CHECK(escaped(heard.noise()) == escaped(line));
        CHECK(shown(hear(stream, 1).pieces) == shown(heard.pieces));
        CHECK(shown(hear_at_cuts(stream, static_cast<std::uint32_t>(at)).pieces) ==
              shown(heard.pieces));
      }
  }
}

TEST_CASE("what was taken out of a frame comes behind it, as text") {
  const std::string line = kLines[0];
  check_pieces("x" + with_insertion(frame_of("one"), 20, line) + "y",
               {"Nx", "Fone", "N" + line + "y"});
}

TEST_CASE("two lines at different places are beyond repair and cost no other frame") {
  const std::string line = kLines[0];
  const std::string frame = frame_of("a longer body of a frame");
  for (std::size_t first = 2; first < frame.size() - 3; ++first) {
    CAPTURE(first);
    const std::string torn =
        with_insertion(with_insertion(frame, frame.size() - 2, line), first, line);
    const std::string stream = frame_of("0") + torn + frame_of("2");
    const Heard heard = hear(stream);
    CHECK(heard.frames() == std::vector{"0"s, "2"s});
    CHECK(escaped(heard.noise(), 500) == escaped(torn, 500));
    CHECK(shown(hear(stream, 1).pieces) == shown(heard.pieces));
  }
}

TEST_CASE("frames come out of every mapping of line ends, with and without foreign lines") {
  const std::string line = kLines[0];
  const std::string frame = frame_of("some body");
  for (const std::string& end : {"\n"s, "\r\n"s, "\r\r\n"s, "\r"s, ""s}) {
    CAPTURE(escaped(end));
    const std::string mapped = frame.substr(0, frame.size() - 1) + end;
    check_pieces(mapped + mapped + "x", {"Fsome body", "Fsome body", "Nx"});
    for (std::size_t at = 2; at < frame.size() - 1; ++at)
      check_pieces(with_insertion(mapped, at, line) + mapped,
                   {"Fsome body", "N" + line, "Fsome body"});
  }
  // ICRNL on the way
  for (std::size_t at = 2; at < frame.size() - 1; ++at)
    check_pieces(with_insertion(frame, at, "[    1.000000] x\n\n") + frame,
                 {"Fsome body", "N[    1.000000] x\n", "Fsome body"});
}

TEST_CASE("frames come out of a terminal that wraps lines, with and without foreign lines") {
  std::mt19937 random(1);
  const std::string body = random_body(random, 700);
  const std::string frame = frame_of(body);
  for (const std::string& by : {"\r\n"s, "\n"s, " \r"s, "\r\r\n"s}) {
    CAPTURE(escaped(by));
    for (const std::size_t columns : {1u, 40u, 80u, 132u})
      check_pieces(wrapped(frame + frame, columns, by) + "x", {"F" + body, "F" + body, "Nx"});
    for (std::size_t at = 0; at < frame.size(); at += 7)
      for (const std::string& line : kLines) {
        const Heard heard =
            hear(wrapped(with_insertion(frame, at, line), 80, by) + wrapped(frame, 80, by), 100);
        CHECK(heard.frames() == std::vector{body, body});
      }
  }
}

TEST_CASE("a line of text between a frame and its line end does not make noise of that") {
  const std::string frame = frame_of("x");
  const std::string open = frame.substr(0, frame.size() - 1);
  for (const std::string& line : kLines) {
    if (!std::isprint(line[0])) continue;
    for (const std::string& end : {"\n"s, "\r\n"s, "\r\r\n"s}) {
      const std::string stream = open + line + end + "y" + end + end + frame;
      const Heard heard = hear(stream);
      CHECK(escaped(heard.noise(), 500) == escaped(line + "y" + end + end, 500));
      CHECK(heard == hear(stream, 1));
    }
  }
  // Nor what stands far behind.
  const std::string text(3000, 'x');
  check_pieces(open + text + "\r\n\r\ny", {"Fx", "N" + text + "\r\n\r\ny"});
}

TEST_CASE("random frames with a foreign line in each come out whole, and the lines too") {
  std::mt19937 random(2);
  for (int round = 0; round < 30; ++round) {
    std::string stream;
    std::string noise;
    std::vector<std::string> bodies;
    for (int count = 0; count < 20; ++count) {
      bodies.push_back(random_body(random, random() % (count == 3 ? kMaxBody + 1 : 300)));
      const std::string frame = frame_of(bodies.back());
      const std::string& line = kLines[random() % (kLines.size() - 2)];
      noise += line;
      stream += with_insertion(frame, random() % frame.size(), line);
    }
    const Heard heard = hear(stream);
    CHECK(heard.frames() == bodies);
    CHECK(heard.noise() == noise);
    CHECK(hear_at_cuts(stream, static_cast<std::uint32_t>(round)) == heard);
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
    for (const char c : with_insertion(frame_of("some body"), at, kLines[0])) {
      now += milliseconds(499);
      reader.tick(now);
      reader.receive(as_bytes(std::string_view(&c, 1)), now);
      heard.take(reader);
    }
    CHECK(heard.frames() == std::vector{"some body"s});
    CHECK(heard.noise() == kLines[0]);
  }
}

TEST_CASE("a frame comes out with its ';', and nothing is waited for behind it") {
  const std::string frame = frame_of("some body");
  for (const std::size_t at : {0u, 1u, 2u, 12u, 30u}) {
    const std::string stream = with_insertion(frame, at, kLines[0]);
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

TEST_CASE("floods of what looks like frames take time in proportion") {
  const std::string header = frame_of("x").substr(0, 15) + "-g";
  for (const std::string& piece :
       {"#%"s, "#"s, "#\r\n"s, "#a"s, ";"s, "#%\r\n;"s, "A\r\n;"s, "#%D:A\r\n;"s, header,
        header + "\r\n;", header + ":\r\nA;", "#%DA\r\n"s, "\x1B]"s, "#%\x1B]"s, "#%\x1B[1"s,
        "#[\r\n%"s, "#\r\n%"s, "#%" + std::string(100, '\n') + ";",
        "#%:" + std::string(1000, 'A') + ":\r\n;"}) {
    CAPTURE(escaped(piece));
    std::string stream = "#%:";
    while (stream.size() < 1 << 19) stream += piece;
    FrameReader reader;
    const std::clock_t start = std::clock();
    std::size_t out = 0;
    std::size_t step = 1;
    for (std::size_t in = 0; in < stream.size(); in += step) {
      step = in < 1 << 17 ? 1 : 4096;
      reader.receive(as_bytes(std::string_view(stream).substr(in, step)), Time(0));
      while (const auto event = reader.next_event())
        out += std::get<LineNoise>(*event).bytes.size();
    }
    reader.receive_eof();
    while (const auto event = reader.next_event()) out += std::get<LineNoise>(*event).bytes.size();
    CHECK(out + reader.frame_bytes() == stream.size());
    // 40 ms where it is fast; minutes if it were quadratic in what is held.
    CHECK((std::clock() - start) / CLOCKS_PER_SEC < 5);
  }
}
