// Trying the line, and moving to the denser code and back.

#include "common/link/line_test.h"

#include <doctest/doctest.h>

#include "tests/link_conversations.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::chrono_literals;

namespace {

std::string test_text() {
  std::string out;
  for (std::size_t piece = 0; piece < LineTestText::kPieces; ++piece)
    out += as_text(LineTestText::piece(piece));
  return out;
}

std::optional<ByteSet> read(std::string_view text) {
  return LineTestText::read(as_bytes(text));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// What a client says to try the line: both frames twice, and the text in between.
void say_test(Serve& serve, char number, std::string_view text) {
  using namespace std::string_literals;
  const std::string begin = {number, '\0'};
  const std::string end = {number, '\1'};
  for (int twice = 0; twice < 2; ++twice) serve.tell(Frame::Type::kTest, begin);
  serve.hear(text);
  for (int twice = 0; twice < 2; ++twice) serve.tell(Frame::Type::kTest, end);
}

/// The answers among `said`: number and how many bytes pass.
std::vector<std::pair<int, std::size_t>> answers(const std::vector<std::string>& said) {
  std::vector<std::pair<int, std::size_t>> out;
  for (const std::string& text : said) {
    FrameReader reader;
    reader.receive(as_bytes(text), 0s);
    const auto event = reader.next_event();
    const auto* const frame = event ? std::get_if<Frame>(&*event) : nullptr;
    if (!frame || frame->type != Frame::Type::kTestResult) continue;
    REQUIRE(frame->body.size() == 33);
    std::size_t passing = 0;
    for (const std::uint8_t byte : frame->body.subspan(1)) passing += std::bitset<8>(byte).count();
    out.emplace_back(frame->body[0], passing);
  }
  return out;
}

const std::size_t kAll = (~never_sent()).count();

}  // namespace

TEST_CASE("an answer counts as soon as the test was written, though its end is said twice") {
  LineTester tester;
  tester.start();
  Buffer answer(33, 0xFF);
  answer[0] = 1;
  std::optional<ByteSet> heard;
  while (tester.writing() && !heard) {
    const bool last = tester.step().frame && tester.step().bytes[1] == 1;
    tester.step_done(0s);
    heard = tester.hear(answer);
    CHECK(heard.has_value() == last);
  }
  CHECK_FALSE(tester.writing());
}

TEST_CASE("a test whose answer is there is over, though its last frame is still to be written") {
  LineTester tester;
  tester.start();
  while (true) {
    tester.step_done(0s);
    Buffer answer(33, 0xFF);
    answer[0] = 1;
    if (tester.hear(answer)) break;
  }
  CHECK(tester.writing() == false);
  tester.step_done(0s);
  CHECK(!tester.next_deadline());
  CHECK(!tester.idle());
}

TEST_CASE("what spoils a test is noise of its class, at its position") {
  Serve serve;
  serve.link.receive(as_bytes("in front\n"), serve.now);
  while (serve.link.next_event()) continue;
  serve.tell(Frame::Type::kTest, std::string_view("\1\0", 2));
  const std::string_view test = "Ag .", damaged = "#%dAB!damaged\n";
  const auto position = serve.link.statistics().frame_bytes + 9;
  serve.hear(test);
  serve.hear(damaged);
  CHECK(serve.noise == "");
  serve.link.receive(as_bytes(text_of({.type = Frame::Type::kPing,
                                       .direction = kToServe,
                                       .session = session_id(Serve::kOwn, Serve::kOther),
                                       .acknowledged = Serve::kOwn})),
                     serve.now);
  const auto event = serve.link.next_event();
  REQUIRE(event);
  const auto& noise = std::get<Link::Noise>(*event);
  CHECK(as_text(noise.bytes) == std::string("Ag .") + std::string(damaged));
  CHECK(noise.noise_class == LineNoise::Class::kDamaged);
  CHECK(noise.position == position);
  CHECK(serve.link.statistics().text_noise == 9);
}

TEST_CASE("the text of a test has each byte that may be sent, and no other") {
  CHECK(read(test_text()) == ~never_sent());
  for (const char byte : test_text()) CHECK(!never_sent()[static_cast<std::uint8_t>(byte)]);
  CHECK(read("") == ByteSet());
}

TEST_CASE("a byte that was eaten or changed does not pass, and all others do") {
  const std::string text = test_text();
  for (const std::string_view harmed :
       {"Ag.", "Ag\x21.", "Ag  .", "Ag\xC2\xA0.", "Ag\xEF\xBF\xBD."}) {
    const auto passes = read(replaced(text, "Ag .", harmed));
    REQUIRE(passes.has_value());
    CHECK(passes == (~never_sent() & ~ByteSet().set(' ')));
  }
  // The full stop itself, as two characters and as none.
  CHECK(read(replaced(text, "Au..", "Au.")) == (~never_sent() & ~ByteSet().set('.')));
}

TEST_CASE("text that can be no part of a test spoils it") {
  const std::string text = test_text();
  for (const std::string_view foreign :
       {"[   12.345678] usb 1-1\r\nAg .", "Ag .\r\n", "A .", "Ag     .", "Kg .", "g ."}) {
    CAPTURE(foreign);
    CHECK(!read(replaced(text, "Ag .", foreign)));
  }
}

TEST_CASE("the line is tried when that is worth it, and bodies become denser") {
  for (const std::size_t size : {4'000, 100'000}) {
    LinkSimulation simulation({.delay = 1ms});
    fill(simulation, size, size);
    simulation.run(10s);
    check_exact(simulation);
    check_noise(simulation);
    for (const auto* end : {&simulation.serve, &simulation.client}) {
      const auto statistics = end->link->statistics();
      CHECK(statistics.dense_out == (size > 50'000));
      CHECK(statistics.dense_in == (size > 50'000));
      if (size > 50'000) CHECK(statistics.line_bytes_sent < size * 125 / 100);
    }
  }
}

TEST_CASE("no end is tried that does not want it") {
  for (const bool serve_does_not : {true, false}) {
    LinkSimulation simulation({.delay = 1ms});
    LinkSimulation::End& end = serve_does_not ? simulation.serve : simulation.client;
    end.options.may_upgrade = false;
    end.link = std::make_unique<Link>(end.options);
    simulation.serve.keep_written = simulation.client.keep_written = true;
    fill(simulation, 100'000, 100'000);
    simulation.run(10s);
    check_exact(simulation);
    CHECK(simulation.serve.written.find("#%T") == std::string::npos);
    CHECK(simulation.client.written.find("#%t") == std::string::npos);
  }
}

TEST_CASE("a test is answered once by what came through, whatever comes again") {
  Serve serve;
  say_test(serve, 1, test_text());
  CHECK(answers(serve.said()) == std::vector<std::pair<int, std::size_t>>{{1, kAll}});
  CHECK(serve.link.statistics().dense_in);
  // The same again, by a line that repeats: the other end may use the first answer already.
  say_test(serve, 1, replaced(test_text(), "Ag .", "Ag."));
  CHECK(answers(serve.said()) == std::vector<std::pair<int, std::size_t>>{{1, kAll}});
  say_test(serve, 2, replaced(test_text(), "Ag .", "Ag."));
  CHECK(answers(serve.said()) == std::vector<std::pair<int, std::size_t>>{{2, kAll - 1}});
  say_test(serve, 1, test_text());
  CHECK(answers(serve.said()).empty());
  CHECK(serve.noise == "");
}

TEST_CASE("where the line speaks, nothing passes, and all of that is noise") {
  const std::string line = "[   12.345678] usb 1-1\r\n";
  Serve spoken;
  spoken.hear(line);
  say_test(spoken, 1, test_text());
  CHECK(answers(spoken.said()) == std::vector<std::pair<int, std::size_t>>{{1, 0}});
  CHECK(spoken.noise == line);

  Serve within;
  const std::string text = replaced(test_text(), "Ag .", "Ag" + line + " .");
  say_test(within, 1, text);
  CHECK(answers(within.said()) == std::vector<std::pair<int, std::size_t>>{{1, 0}});
  CHECK(within.noise == text);
  CHECK(!within.link.statistics().dense_in);
}

TEST_CASE("a test without an end is noise") {
  Serve other_frame;
  other_frame.tell(Frame::Type::kTest, std::string_view("\1\0", 2));
  other_frame.hear("AA");
  CHECK(other_frame.noise == "");
  other_frame.tell(Frame::Type::kPing);
  CHECK(other_frame.noise == "AA");

  Serve endless;
  endless.tell(Frame::Type::kTest, std::string_view("\1\0", 2));
  const std::string text(5000, 'x');
  endless.hear(text);
  CHECK(endless.noise.size() >= 2048);

  Serve cut;
  cut.tell(Frame::Type::kTest, std::string_view("\1\0", 2));
  cut.hear("AA");
  cut.link.receive_eof(cut.now);
  cut.drain();
  CHECK(cut.noise == "AA");
}

TEST_CASE("a test without an answer is tried again, and then no more") {
  LinkSimulation simulation({.bytes_per_second = 100'000, .delay = 1ms});
  int tests = 0;
  simulation.serve.watch = [&](Bytes output) {
    if (as_text(output).starts_with("#%T")) ++tests;
  };
  simulation.client.line.faults().swallows = "#%m";  // what begins like this does not arrive
  fill(simulation, 4'000'000, 0);
  simulation.run(100s);
  check_exact(simulation);
  CHECK(tests == 3 * 4);
  CHECK(!simulation.serve.link->statistics().dense_out);
}

TEST_CASE("a line that gets worse is left to base 64") {
  LinkSimulation simulation({.bytes_per_second = 100'000, .delay = 1ms});
  fill(simulation, 1'000'000, 0);
  simulation.run(3s);
  CHECK(simulation.serve.link->statistics().dense_out);
  simulation.serve.line.faults().loss = 5e-4;
  simulation.run(6s);
  CHECK(!simulation.serve.link->statistics().dense_out);
  simulation.serve.line.faults().loss = 0;
  simulation.run(60s);
  check_exact(simulation);
  CHECK(!simulation.serve.link->statistics().dense_out);  // for good
}

TEST_CASE("bytes that the line eats are escaped, as long as they are few") {
  for (const std::size_t eaten : {30, 60}) {
    LineFaults line{.delay = 1ms};
    for (std::size_t byte = 0xA0; byte < 0xA0 + eaten; ++byte)
      line.eats.push_back(static_cast<char>(byte));
    LinkSimulation simulation(line);
    fill(simulation, 100'000, 100'000);
    simulation.run(60s);
    check_exact(simulation);
    check_noise(simulation);
    CHECK(simulation.serve.link->statistics().dense_out == (eaten == 30));
    CHECK(simulation.client.link->statistics().retransmitted == 0);
  }
}
