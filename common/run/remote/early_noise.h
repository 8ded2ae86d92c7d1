#pragma once

#include <string>

#include "common/base/bytes.h"

namespace subunit::run {

/// What a channel prints before the proxy at its end is ready: banners, or why it never will be.
class EarlyNoise {
 public:
  /// A banner is a page; a wrong command may print for ever.
  static constexpr std::size_t kMaxKept = 1 << 20;

  void add(Bytes bytes);

  /// "the channel printed: …", for a person.
  [[nodiscard]] std::string text() const;

  /// All that was kept, but for the line feed that Ready begins with.
  [[nodiscard]] Buffer take();

  /// Bytes of all of it, kept or not.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_cut() const { return size_ > kept_.size(); }

 private:
  Buffer kept_;  // the beginning
  std::size_t size_ = 0;
};

}  // namespace subunit::run
