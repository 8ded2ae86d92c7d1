#include "common/link/hello.h"

#include "common/base/crc32c.h"
#include "common/link/number.h"

namespace subunit::link {
namespace {

constexpr std::size_t kSize = 12;
constexpr std::uint8_t kRaw = 1;
constexpr std::uint8_t kMayUpgrade = 2;

}  // namespace

void Hello::encode(Buffer& out) const {
  out.push_back(kVersion);
  out.push_back(static_cast<std::uint8_t>((raw ? kRaw : 0) | (may_upgrade ? kMayUpgrade : 0)));
  append_number(out, nonce);
  append_number(out, other);
  append_be32(out, bytes_per_second);
}

std::optional<Hello> Hello::decode(Bytes body) {
  if (body.size() < kSize || body[0] < kVersion) return std::nullopt;
  const Hello hello{.raw = (body[1] & kRaw) != 0,
                    .may_upgrade = (body[1] & kMayUpgrade) != 0,
                    .nonce = load_number(&body[2]),
                    .other = load_number(&body[5]),
                    .bytes_per_second = load_be32(&body[8])};
  if (hello.nonce == 0) return std::nullopt;
  return hello;
}

std::uint32_t session_id(std::uint32_t serve_nonce, std::uint32_t client_nonce) {
  Buffer nonces;
  append_number(nonces, serve_nonce);
  append_number(nonces, client_nonce);
  const std::uint32_t id = crc32c(nonces) & 0xFFFFFF;
  return id == 0 ? 1 : id;
}

}  // namespace subunit::link
