#include "common/rpc/outbox.h"

#include <cassert>

#include "common/rpc/attachment.h"

namespace subunit {

Result<> Outbox::add(const Message& message) {
  return to_json(message).and_then([this](const std::string& json) {
    return encode_attachment(kRpcTestId, json, std::nullopt, packets_);
  });
}

void Outbox::consume(std::size_t size) {
  assert(size <= packets_.size() - sent_);
  sent_ += size;
  if (sent_ < packets_.size()) return;
  packets_.clear();
  sent_ = 0;
}

}  // namespace subunit
