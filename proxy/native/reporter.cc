#include "proxy/native/reporter.h"

#include <cstdio>
#include <ctime>
#include <string>

#include "common/base/text.h"
#include "common/subunit/encoder.h"

namespace proxy::native {

using subunit::as_bytes;
using subunit::Buffer;
using subunit::Status;

namespace {

constexpr int kStatusOfCopy = 1;

}  // namespace

subunit::Timestamp time_of_day() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return {static_cast<std::uint32_t>(now.tv_sec), static_cast<std::uint32_t>(now.tv_nsec)};
}

// Ids come from Suite::tests(), which has made them text, so these packets can be encoded.

void Reporter::started(std::string_view id) {
  if (in_copy()) ::_exit(kStatusOfCopy);
  output_.settle();
  Buffer packet;
  (void)subunit::encode({.test_id = id, .timestamp = time_of_day(), .status = Status::kInProgress},
                        packet);
  line_.send(packet, true);
}

void Reporter::attach(std::string_view id, std::string_view name, std::string_view text) {
  if (in_copy()) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    return;
  }
  const bool is_utf8 = subunit::scan_utf8(as_bytes(text)).valid == text.size();
  const std::string file = std::string(name) + (is_utf8 ? "" : ".raw");
  Buffer packets;
  (void)subunit::encode_file(
      {.test_id = id,
       .mime_type = is_utf8 ? "text/plain;charset=utf8" : "text/plain;charset=iso8859-1",
       .file = subunit::File{file, as_bytes(text)}},
      {}, packets);
  line_.send(packets, false);
}

void Reporter::ended(std::string_view id, Status status) {
  if (in_copy()) {
    flush_output();
    ::_exit(kStatusOfCopy);
  }
  output_.settle();
  Buffer packet;
  (void)subunit::encode({.test_id = id, .timestamp = time_of_day(), .status = status}, packet);
  line_.send(packet, true);
}

void Reporter::fixture(std::string_view id, std::string_view blamed) {
  std::string note(id);
  note.append(1, '\0').append(blamed);
  Buffer packet;
  (void)subunit::encode({.test_id = kNoteId, .file = subunit::File{kFixtureNote, as_bytes(note)}},
                        packet);
  line_.send(packet, false);
}

}  // namespace proxy::native
