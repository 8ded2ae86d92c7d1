#include "common/sync/message.h"

#include <cassert>

#include "common/subunit/encoder.h"

namespace subunit::sync {

void encode(const Message& message, Buffer& out) {
  [[maybe_unused]] const auto encoded = encode_file({.test_id = kSyncTestId,
                                                     .mime_type = "application/octet-stream",
                                                     .file = File{message.word, message.bytes},
                                                     .eof = message.last},
                                                    {}, out);
  assert(encoded);
}

std::optional<Message> read_message(const Packet& packet) {
  if (packet.test_id != kSyncTestId || !packet.file || packet.route_code) return std::nullopt;
  return Message{packet.file->name, packet.file->content, packet.eof};
}

}  // namespace subunit::sync
