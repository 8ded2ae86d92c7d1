#pragma once

#include <iterator>
#include <optional>

#include "../base/bytes.h"
#include "format.h"

namespace subunit {

struct Timestamp {
  std::uint32_t seconds;      ///< since 1970-01-01 00:00 UTC
  std::uint32_t nanoseconds;  ///< as on the wire, which does not keep it below 1e9

  bool operator==(const Timestamp&) const = default;
};

/// A piece of an attachment.
struct File {
  std::string_view name;
  Bytes content;
};

/// What a packet says, but for its tags. All strings are views: whoever made the Fields says how
/// long they last.
struct Fields {
  std::optional<std::string_view> test_id = std::nullopt;
  std::optional<std::string_view> route_code = std::nullopt;
  std::optional<std::string_view> mime_type = std::nullopt;
  std::optional<Timestamp> timestamp = std::nullopt;
  std::optional<File> file = std::nullopt;
  Status status = Status::kNone;
  bool runnable = true;
  bool eof = false;
};

/// The tags of a received packet, decoded while one iterates.
class Tags {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = const std::string_view*;
    using reference = std::string_view;

    explicit Iterator(const std::uint8_t* at) : at_(at) {}
    std::string_view operator*() const;
    Iterator& operator++();
    bool operator==(const Iterator&) const = default;

   private:
    const std::uint8_t* at_;
  };

  Tags() = default;
  /// `encoded`: `count` texts, checked before.
  Tags(std::uint32_t count, Bytes encoded) : count_(count), encoded_(encoded) {}

  [[nodiscard]] std::uint32_t size() const { return count_; }
  [[nodiscard]] Iterator begin() const { return Iterator(encoded_.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(encoded_.data() + encoded_.size()); }

 private:
  std::uint32_t count_ = 0;
  Bytes encoded_;
};

/// A received packet. Its views point into `raw`, and last as long as the bytes behind that.
struct Packet : Fields {
  Packet() {}  // not "= default": that would write zeros over all of it first, for each packet

  Tags tags;
  Bytes raw;      ///< from signature to CRC, as it came
  Bytes encoded;  ///< within raw: all fields but the route code, which is the last one
};

/// Reads `bytes` as exactly one packet; nothing if it is anything else. The views of the result
/// point into `bytes`.
[[nodiscard]] std::optional<Packet> parse_packet(Bytes bytes);

}  // namespace subunit
