#include "common/report/live_lines.h"

#include <doctest/doctest.h>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::report;

namespace {

/// What is shown of packets.
class Lines {
 public:
  using Worker = std::optional<run::WorkerNumber>;

  std::string prints(std::string_view id, std::string_view text, std::string_view name = "stdout",
                     Worker worker = 0) {
    Fields fields{.mime_type = "text/plain;charset=utf8", .file = File{name, as_bytes(text)}};
    if (!id.empty()) fields.test_id = id;
    return packet(fields, worker);
  }
  std::string ends(std::string_view id, Worker worker = 0) {
    return packet({.test_id = id, .status = Status::kSuccess}, worker);
  }
  std::string attempted(std::string_view id) { return lines_.attempted(id, 0); }
  std::string finish() { return lines_.finish(); }

 private:
  std::string packet(const Fields& fields, Worker worker) {
    const std::string raw = subunit::packet(fields);
    return lines_.packet(*parse_packet(as_bytes(raw)), worker);
  }

  TextCells cells_{"C.UTF-8"};
  LiveLines lines_{cells_};
};

}  // namespace

TEST_CASE("live: a line is shown once it is whole, with its test in front") {
  Lines lines;
  CHECK(lines.prints("a", "one\ntw") == "a: one\n");
  CHECK(lines.prints("b", "other\n", "stdout", 1) == "b: other\n");
  CHECK(lines.prints("a", "o\n\nthree") == "a: two\na: \n");
  CHECK(lines.ends("b", 1).empty());
  CHECK(lines.ends("a") == "a: three\n");
  CHECK(lines.finish().empty());
}

TEST_CASE("live: two servers that run the same test, and two streams of one, are never mixed") {
  Lines lines;
  CHECK(lines.prints("a", "o").empty());
  CHECK(lines.prints("a", "other\n", "stdout", 1) == "a: other\n");
  CHECK(lines.prints("a", "err", "stderr").empty());
  CHECK(lines.prints("a", "ne\n") == "a: one\n");
  CHECK(lines.ends("a", 1).empty());
  CHECK(lines.ends("a") == "a: err\n");
}

TEST_CASE("live: what comes from no test") {
  Lines lines;
  CHECK(lines.prints("", "at import\n", "stderr", 2) == "worker-2: at import\n");
  CHECK(lines.prints("", "login:", "stdout", std::nullopt).empty());
  CHECK(lines.finish() == "channel: login:\n");
}

TEST_CASE("live: attachments are not printed, and a second attempt is") {
  Lines lines;
  CHECK(lines.prints("a", "Traceback\n", "traceback").empty());
  CHECK(lines.prints("a", "again\n", "attempt-2/stdout") == "a: again\n");
  CHECK(lines.prints("a", "half ").empty());
  CHECK(lines.prints("a", "\xff\n", "stdout.raw") == "a: half \\xff\n");
}

TEST_CASE("live: what an attempt has left of a line is shown at its end") {
  Lines lines;
  CHECK(lines.prints("a", "about to crash").empty());
  CHECK(lines.attempted("b").empty());
  CHECK(lines.attempted("a") == "a: about to crash\n");
  CHECK(lines.ends("a").empty());
}

TEST_CASE("live: nothing acts on the terminal") {
  Lines lines;
  CHECK(lines.prints("a\x1b[2J", "\x1b[2J\a\r\n") == "a\\x1b[2J: \\x1b[2J\\x07\n");
}

TEST_CASE("live: a long line is several, and no character is cut") {
  Lines lines;
  std::string text(LiveLines::kMaxLine - 1, 'x');
  const std::string first = lines.prints("a", text + "\u00e9y");
  CHECK(first == "a: " + text + "\n");
  CHECK(lines.ends("a") == "a: \u00e9y\n");
}

TEST_CASE("live: lines that are never whole take bounded room") {
  Lines lines;
  for (std::size_t i = 0; i < LiveLines::kMaxStreams; ++i)
    CHECK(lines.prints(fmt::format("test-{}", i), "x").empty());
  CHECK(lines.prints("more", "one\ntwo") == "more: one\nmore: two\n");
}
