#include "common/link/acknowledgement.h"

#include "common/link/number.h"

namespace subunit {
namespace {

constexpr std::size_t kRoomSize = 4;
constexpr std::size_t kRunSize = 2 * kNumberSize;
constexpr std::uint32_t kAllArrived = 0xFFFFFFFF;

}  // namespace

void Acknowledgement::encode(Buffer& out) const {
  append_be32(out, all_arrived ? kAllArrived : room);
  for (const Run& run : runs) {
    append_number(out, run.from);
    append_number(out, run.to);
  }
}

std::optional<Acknowledgement> Acknowledgement::decode(Bytes body) {
  if (body.size() < kRoomSize || body.size() > kRoomSize + kMaxRuns * kRunSize ||
      (body.size() - kRoomSize) % kRunSize != 0)
    return std::nullopt;
  Acknowledgement out;
  out.room = load_be32(body.data());
  out.all_arrived = out.room == kAllArrived;
  if (out.all_arrived) out.room = 0;
  for (body = body.subspan(kRoomSize); !body.empty(); body = body.subspan(kRunSize))
    out.runs.push_back({load_number(body.data()), load_number(body.data() + kNumberSize)});
  return out;
}

}  // namespace subunit
