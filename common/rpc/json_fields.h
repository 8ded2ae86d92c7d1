#pragma once

// Reads one JSON object the way all messages need it. Internal to this folder.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/rpc/message.h"

namespace subunit::rpc {

/// The fields of one JSON object that have certain names; the others are skipped, whatever they
/// hold, and cost no memory. Of a field that stands there twice the last counts.
///
/// What is wrong is remembered instead of returned, so that a message reads as one expression:
///
///     JsonFields fields(json, kNames);
///     return fields.result<Message>(Done{fields.text("nonce")});
class JsonFields {
 public:
  struct Absent {};
  struct Other {
    std::string_view seen;  ///< "null", "a list with something else than strings in it", …
  };
  using Value =
      std::variant<Absent, Other, std::int64_t, double, std::string, std::vector<std::string>>;

  /// `names` are the fields to keep. `json` and `names` have to outlive this object.
  JsonFields(std::string_view json, std::span<const std::string_view> names);

  [[nodiscard]] std::string text(std::string_view name);
  [[nodiscard]] std::optional<std::string> optional_text(std::string_view name);
  [[nodiscard]] int integer(std::string_view name);
  [[nodiscard]] std::optional<int> optional_integer(std::string_view name);
  [[nodiscard]] TestIds optional_texts(std::string_view name);
  /// A number of seconds above zero.
  [[nodiscard]] Time time(std::string_view name);
  /// The field "nonce".
  [[nodiscard]] std::string nonce();
  [[nodiscard]] std::optional<std::string> optional_nonce();
  /// The fields "max" and "min".
  [[nodiscard]] VersionRange versions();

  /// `value`, unless something was wrong before.
  template <typename T>
  [[nodiscard]] Result<T> result(T value) const {
    if (fault_.empty()) return value;
    return failure();
  }

  /// For a "msg" that is none of `expected` ("Ping or Pong"); what was wrong before goes first.
  [[nodiscard]] tl::unexpected<Error> unknown(std::string_view msg, std::string_view expected);

 private:
  Value& value_of(std::string_view name);
  template <typename T>
  std::optional<T> take(std::string_view name, std::string_view expected);
  template <typename T>
  T need(std::string_view name, std::string_view expected);
  void blame(std::string fault);
  [[nodiscard]] tl::unexpected<Error> failure() const;

  std::string_view json_;
  std::span<const std::string_view> names_;
  std::vector<Value> values_;  // in the order of names_
  std::string fault_;          // the first
};

}  // namespace subunit::rpc
