#include "common/link/frame/dense_code.h"

#include "common/link/frame/base64.h"

namespace subunit::link {
namespace {

constexpr std::uint8_t kEscape = 0x7D;  // in front of the digit that stands for a byte

}  // namespace

const ByteSet& never_sent() {
  static const ByteSet set = [] {
    ByteSet bytes;
    for (const int byte : {
             0x01, 0x03, 0x04, 0x05, 0x10, 0x1A, 0x1C, 0x1D, 0x1E, 0x7F,  // keys
             0x11, 0x13,                                                  // XON, XOFF
             0x0A, 0x0D, 0x1B, 0x23,                          // LF, CR, ESC, and the '#' of a mark
             0x26, 0x7E,                                      // the escape keys '&' and '~'
             0x8D, 0x8E, 0x8F, 0x90, 0x91, 0x93, 0x9B, 0x9D,  // the like of them, with the top bit
             0xFF,                                            // begins a telnet command
         })
      bytes.set(static_cast<std::size_t>(byte));
    return bytes;
  }();
  return set;
}

std::optional<DenseCode> DenseCode::create(const ByteSet& passes) {
  DenseCode code;
  code.plain_ = passes & ~never_sent();
  if (!code.plain_[kEscape]) return std::nullopt;
  code.plain_.reset(kEscape);
  if (code.plain_.size() - code.plain_.count() > kBase64Digits.size()) return std::nullopt;
  std::size_t number = 0;
  for (std::size_t byte = 0; byte < code.plain_.size(); ++byte) {
    if (code.plain_[byte]) continue;
    const auto digit = static_cast<std::uint8_t>(kBase64Digits[number++]);
    code.escapes_[byte] = digit;
    code.escaped_[digit] = static_cast<std::uint8_t>(byte);
  }
  return code;
}

std::size_t DenseCode::fitting(Bytes payload, std::size_t most) const {
  if (payload.size() <= most / 2) return payload.size();
  std::size_t taken = 0;
  for (std::size_t size = 0; taken < payload.size(); ++taken) {
    size += escapes_[payload[taken]] != 0 ? 2 : 1;
    if (size > most) break;
  }
  return taken;
}

std::size_t DenseCode::size(Bytes payload) const {
  std::size_t size = payload.size();
  for (const std::uint8_t byte : payload) size += escapes_[byte] != 0 ? 1 : 0;
  return size;
}

void DenseCode::encode(Bytes payload, Buffer& out) const {
  const std::size_t before = out.size();
  out.resize(before + 2 * payload.size());
  std::uint8_t* to = out.data() + before;
  for (const std::uint8_t byte : payload) {
    const std::uint8_t digit = escapes_[byte];
    if (digit != 0) *to++ = kEscape;
    *to++ = digit != 0 ? digit : byte;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

bool DenseCode::decode(Bytes body, Buffer& out) const {
  const std::size_t before = out.size();
  out.resize(before + body.size());
  std::uint8_t* to = out.data() + before;
  for (std::size_t at = 0; at < body.size(); ++at) {
    std::uint8_t byte = body[at];
    if (byte == kEscape) {
      if (++at == body.size()) return false;
      byte = escaped_[body[at]];
      if (escapes_[byte] != body[at]) return false;
    } else if (escapes_[byte] != 0) {
      return false;
    }
    *to++ = byte;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return true;
}

}  // namespace subunit::link
