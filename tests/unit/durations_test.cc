#include "common/schedule/durations.h"

#include <doctest/doctest.h>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

namespace {

/// A status at a time in seconds since 1970.
std::string at(double seconds, std::string_view test_id, Status status,
               std::optional<std::string_view> route = std::nullopt, TagList tags = {}) {
  const auto whole = static_cast<std::uint32_t>(seconds);
  const auto rest = static_cast<std::uint32_t>((seconds - whole) * 1e9 + 0.5);
  return packet({.test_id = test_id,
                 .route_code = route,
                 .timestamp = Timestamp{whole, rest},
                 .status = status},
                tags);
}

Durations read(std::string_view stream, std::size_t step = SIZE_MAX) {
  Durations durations;
  Decoder decoder;
  for (std::size_t done = 0; done < stream.size(); done += std::min(step, stream.size() - done)) {
    decoder.receive(as_bytes(stream.substr(done, step)), Time(0));
    durations.read(decoder);
  }
  decoder.receive_eof();
  durations.read(decoder);
  return durations;
}

std::string written(const Durations& durations, std::size_t* pieces = nullptr) {
  DurationsWriter writer(durations, Timestamp{1'700'000'000, 900'000'000});
  std::string stream;
  for (Buffer piece; writer.write(piece); piece.clear()) {
    CHECK(piece.size() < DurationsWriter::kPieceSize + 1024);
    stream += as_text(piece);
    if (pieces) ++*pieces;
  }
  return stream;
}

}  // namespace

TEST_CASE("a duration is the time from inprogress to the final status, whatever that is") {
  std::string stream;
  for (const Status status : {Status::kSuccess, Status::kFail, Status::kSkip,
                              Status::kExpectedFailure, Status::kUnexpectedSuccess}) {
    stream += at(100.5, name_of(status), Status::kInProgress);
    stream += at(102.25, name_of(status), status);
  }
  const Durations durations = read(stream);
  CHECK(durations.size() == 5);
  CHECK(durations.of("success") == 1750ms);
  CHECK(durations.of("fail") == 1750ms);
  CHECK(durations.of("xfail") == 1750ms);
  CHECK_FALSE(durations.of("other"));
}

TEST_CASE("the last of several runs counts, also in one stream") {
  std::string stream = at(1, "a", Status::kInProgress) + at(2, "a", Status::kSuccess);
  stream += at(1, "b", Status::kInProgress) + at(9, "b", Status::kSuccess);
  stream += at(50, "a", Status::kInProgress) + at(53, "a", Status::kFail);
  Durations durations = read(stream);
  CHECK(durations.of("a") == 3s);
  CHECK(durations.of("b") == 8s);
  durations.set("a", 7s);
  CHECK(durations.of("a") == 7s);
}

TEST_CASE("tests that run at once, on several routes or on one, are kept apart") {
  std::string stream = at(1, "a", Status::kInProgress, "0") + at(2, "a", Status::kInProgress, "1");
  stream += at(3, "b", Status::kInProgress, "0");
  stream += at(5, "a", Status::kSuccess, "0") + at(4, "b", Status::kSuccess, "0");
  CHECK(read(stream).of("a") == 4s);
  CHECK(read(stream).of("b") == 1s);
  CHECK(read(stream + at(3, "a", Status::kSuccess, "1")).of("a") == 1s);
}

TEST_CASE("a run that was cut off does not lengthen the next one") {
  CHECK(read(at(1, "a", Status::kInProgress) + at(50, "a", Status::kInProgress) +
             at(52, "a", Status::kSuccess))
            .of("a") == 2s);
}

TEST_CASE("what tells no sensible duration changes nothing") {
  const std::string good = at(1, "a", Status::kInProgress) + at(2, "a", Status::kSuccess);
  const std::string start = at(10, "a", Status::kInProgress);
  for (const std::string& bad : {
           start + at(9, "a", Status::kSuccess),
           start + at(4e9, "a", Status::kSuccess),
           start + at(11, "a", Status::kExists),
           start + at(11, "a", Status::kSuccess, "0"),
           start + status("a", Status::kSuccess),
           start + status("a", Status::kInProgress) + at(11, "a", Status::kSuccess),
           start + packet({.timestamp = Timestamp{11, 0}, .status = Status::kSuccess}),
           at(11, "a", Status::kSuccess),
           std::string("noise \xB3\x29"),
       }) {
    CHECK(read(good + bad).of("a") == 1s);
    CHECK(read(good + bad).size() == 1);
  }
  Durations durations;
  durations.set("a", -1ns);
  durations.set("a", Durations::kLongest + 1ns);
  CHECK(durations.size() == 0);
  durations.set("a", 0s);
  CHECK(durations.of("a") == 0s);
}

TEST_CASE("tags, attachments and noise between are no trouble, in pieces of any size") {
  const std::string_view tags[] = {"worker-1"};
  const std::string log = "log";
  std::string stream = "noise" + at(1, "a", Status::kInProgress, "0", tags);
  stream += packet({.test_id = "a", .route_code = "0", .file = File{"log", as_bytes(log)}});
  stream += "\xB3 noise" + at(2.5, "a", Status::kSuccess, "0", tags) + "noise";
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, stream.size()})
    CHECK(read(stream, step).of("a") == 1500ms);
}

TEST_CASE("what was written reads the same, in pieces of bounded size and without gaps") {
  Durations durations;
  for (int i = 0; i < 5000; ++i)
    durations.set("package.Class.test_" + std::to_string(i), Time(i * 1'234'567LL));
  std::size_t pieces = 0;
  const std::string stream = written(durations, &pieces);
  CHECK(pieces > 3);
  const Durations again = read(stream);
  CHECK(again.size() == 5000);
  for (int i = 0; i < 5000; ++i)
    CHECK(again.of("package.Class.test_" + std::to_string(i)) == Time(i * 1'234'567LL));
  CHECK(written(again) == stream);
  CHECK(written(Durations()).empty());
}

TEST_CASE("a test id that no packet can carry is left out of what is written") {
  Durations durations;
  durations.set("bad \xFF", 1s);
  durations.set("good", 1s);
  CHECK(read(written(durations)).size() == 1);
}
