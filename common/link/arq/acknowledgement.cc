#include "common/link/arq/acknowledgement.h"

namespace subunit::link {
namespace {

constexpr std::size_t kMaxBytes = 4;  // of a number

void append_number(Buffer& out, std::uint32_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

/// Takes a number from the start of `body`.
std::optional<std::uint32_t> take_number(Bytes& body) {
  std::uint32_t value = 0;
  for (std::size_t size = 0; size < body.size() && size < kMaxBytes; ++size) {
    value |= std::uint32_t{body[size] & 0x7Fu} << 7 * size;
    if (body[size] >= 0x80) continue;
    body = body.subspan(size + 1);
    return value;
  }
  return std::nullopt;
}

}  // namespace

void Acknowledgement::encode(Buffer& out) const {
  append_number(out, all_arrived ? 0 : room + 1);
  for (const SackBlock& run : sack) {
    append_number(out, run.skip);
    append_number(out, run.count);
  }
}

std::optional<Acknowledgement> Acknowledgement::decode(Bytes body) {
  const auto room = take_number(body);
  if (!room) return std::nullopt;
  Acknowledgement out{.room = *room == 0 ? 0 : *room - 1, .all_arrived = *room == 0};
  while (!body.empty()) {
    const auto skip = take_number(body);
    const auto count = skip ? take_number(body) : std::nullopt;
    if (!count || *skip == 0 || *count == 0 || out.sack.size() == kMaxSackBlocks)
      return std::nullopt;
    out.sack.push_back({*skip, *count});
  }
  return out;
}

}  // namespace subunit::link
