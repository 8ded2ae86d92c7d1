#include "common/rpc/outbox.h"

#include <cassert>

#include "common/rpc/attachment.h"

namespace subunit::rpc {

Result<> Outbox::add(const Message& message) {
  if (sent_ > packets_.size() / 2) {  // then moving the rest costs less than sending it did
    packets_.erase(packets_.begin(), packets_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
  return to_json(message).and_then([this](const std::string& json) {
    return encode_attachment(kRpcTestId, json, route_, packets_);
  });
}

void Outbox::consume(std::size_t size) {
  assert(size <= packets_.size() - sent_);
  sent_ += size;
  if (sent_ < packets_.size()) return;
  packets_ = Buffer();  // a Run can be large, and little comes after it
  sent_ = 0;
}

}  // namespace subunit::rpc
