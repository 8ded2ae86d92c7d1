#pragma once

#include <optional>

#include "common/base/bytes.h"

namespace subunit::link {

/// The body of a kHello frame, big-endian; more may follow in later versions:
///
///     VERSION(1) FLAGS(1) NONCE(3) OTHER(3) RATE(4)
struct Hello {
  static constexpr std::uint8_t kVersion = 1;

  bool raw = false;                    // flag 1: the terminal at this end is in raw mode
  bool may_upgrade = false;            // flag 2: takes the denser code
  std::uint32_t nonce = 0;             // not 0
  std::uint32_t other = 0;             // the nonce of the one who is answered; 0: nobody
  std::uint32_t bytes_per_second = 0;  // of the line; 0: not known

  void encode(Buffer& out) const;

  /// Nothing if it is none.
  [[nodiscard]] static std::optional<Hello> decode(Bytes body);
};

/// What names the session of these two in each of its frames. Never 0.
[[nodiscard]] std::uint32_t session_id(std::uint32_t serve_nonce, std::uint32_t client_nonce);

}  // namespace subunit::link
