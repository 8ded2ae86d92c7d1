#pragma once

#include <algorithm>

#include "common/link/dense_code.h"
#include "common/link/frame.h"

namespace subunit::link {

/// What fits into the body of a frame, in one code or the other.
struct BodySpace {
  const DenseCode* code = nullptr;  // base 64 if there is none
  std::size_t most_text = 0;        // characters that a body may have
  std::size_t best_text = 0;        // characters that it had better not exceed

  /// How many bytes from the start of `payload` fit into `text` characters.
  [[nodiscard]] std::size_t fitting(Bytes payload, std::size_t text) const {
    return code ? code->fitting(payload, text) : std::min(payload.size(), text / 4 * 3);
  }
};

}  // namespace subunit::link
