#pragma once

#include <string>

#include "common/base/bytes.h"
#include "proxy/posix/log.h"

namespace proxy {

/// What a channel prints before the proxy at its end is ready: banners, or why it never will be.
class EarlyNoise {
 public:
  /// A banner is a page; a wrong command may print for ever.
  static constexpr std::size_t kMaxKept = 1 << 20;

  void add(subunit::Bytes bytes);

  /// "the channel printed: …", for a person.
  [[nodiscard]] std::string text() const;

  /// All that was kept, but for the line feed that Ready begins with. Warns if that is not all.
  [[nodiscard]] subunit::Buffer take(const Log& log);

 private:
  subunit::Buffer kept_;  // the beginning
  std::size_t size_ = 0;  // of all of it
};

}  // namespace proxy
