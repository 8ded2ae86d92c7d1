#include "proxy/posix/background_writer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using proxy::BackgroundWriter;

namespace {

struct Ends {
  proxy::Fd read, write;
};

Ends make_pipe() {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  return {proxy::Fd(ends[0]), proxy::Fd(ends[1])};
}

/// Nobody has the other end any more.
bool is_at_end(int fd) {
  pollfd wanted = {.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, 0) == 1 && wanted.revents == POLLHUP;
}

}  // namespace

TEST_CASE("a writer that has nothing left to write leaves no thread behind") {
  for (int round = 0; round < 500; ++round) {
    Ends pipe = make_pipe();
    {
      BackgroundWriter writer(std::move(pipe.write), {.queue = 1000});
      CHECK(writer.write("line\n"));
      CHECK(writer.flush(10s, 10s) == 0);
    }
    char line[5];
    CHECK(::read(pipe.read.get(), line, sizeof line) == 5);
    CHECK(is_at_end(pipe.read.get()));  // its thread has the file as well
  }
}

TEST_CASE("a writer does not wait for a reader that takes nothing, and says what was not taken") {
  Ends pipe = make_pipe();
  const std::string full(1 << 20, 'x');
  std::optional<BackgroundWriter> writer;
  writer.emplace(std::move(pipe.write), BackgroundWriter::Limits{.queue = 1000});
  CHECK(writer->write(full));
  CHECK_FALSE(writer->write("dropped"));
  CHECK(writer->stalled());
  const std::size_t left = writer->flush(20ms, 1s);
  CHECK(left > 0);
  CHECK(left < full.size());
  writer.reset();  // and this does not wait either
}
