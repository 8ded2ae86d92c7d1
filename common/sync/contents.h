#pragma once

#include <optional>
#include <vector>

#include "common/sync/manifest.h"

namespace subunit::sync {

/// Which entries of a manifest, by their places: 1 for those that are, 0 for the others. (What has
/// bits instead costs half a kilobyte of code.)
using Selection = std::vector<std::uint8_t>;

/// A bit for each place, the first one lowest in its byte.
[[nodiscard]] Buffer encode_selection(const Selection& selection);
/// Nothing if they are not of so many.
[[nodiscard]] std::optional<Selection> parse_selection(Bytes bytes, std::size_t count);

/// The contents of the files that are wanted, as they come: one after the other, without anything
/// in between, since the manifest says how long they are.
class Contents {
 public:
  Contents(const Manifest& manifest, const Selection& wanted)
      : manifest_(manifest), wanted_(wanted) {}

  struct Part {
    std::size_t entry;
    Bytes bytes;
    bool last;  ///< of this file
  };
  /// Takes the next part off `bytes`. Nothing if they are empty, and for what is not wanted.
  [[nodiscard]] std::optional<Part> take(Bytes& bytes);

  [[nodiscard]] bool complete() const { return next() == manifest_.size(); }

 private:
  [[nodiscard]] std::size_t next() const;

  const Manifest& manifest_;
  const Selection& wanted_;
  std::size_t entry_ = 0;
  std::uint64_t taken_ = 0;  // of this one
};

}  // namespace subunit::sync
