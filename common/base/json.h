#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"

namespace subunit {

/// A small JSON document that has been read (RFC 8259).
class JsonValue {
 public:
  using List = std::vector<JsonValue>;
  using Object = std::map<std::string, JsonValue, std::less<>>;
  /// Integers that are beyond std::int64_t are the nearest one that is not.
  using Value = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, List, Object>;

  JsonValue() = default;  // null
  explicit JsonValue(Value value) : value_(std::move(value)) {}

  /// What it is, or null if it is something else.
  template <typename T>
  [[nodiscard]] const T* get() const {
    return std::get_if<T>(&value_);
  }
  /// Nothing if it is not a number.
  [[nodiscard]] std::optional<double> number() const;
  /// The field of an object; of a field that stands there twice the last. Null if there is none.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;

 private:
  Value value_;
};

/// An Error, "it is not JSON" or "it is nested deeper than 32", if `json` is not one value.
[[nodiscard]] Result<JsonValue> parse_json(std::string_view json);

/// True if `json` is one value. Costs no memory.
[[nodiscard]] bool is_json(std::string_view json);

/// Levels of nesting in what this program reads. Its own documents are nearly flat; this leaves
/// room for fields that are not known yet.
inline constexpr int kMaxJsonDepth = 32;

/// Takes a document in pieces as they stand there, so that neither its size nor its depth costs
/// memory. A member that returns false ends the reading.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  [[nodiscard]] virtual bool null() = 0;
  [[nodiscard]] virtual bool boolean(bool value) = 0;
  /// One that is beyond std::int64_t comes as the nearest one that is not.
  [[nodiscard]] virtual bool integer(std::int64_t value) = 0;
  [[nodiscard]] virtual bool number(double value) = 0;
  [[nodiscard]] virtual bool text(std::string value) = 0;
  [[nodiscard]] virtual bool begin_list() = 0;
  [[nodiscard]] virtual bool end_list() = 0;
  [[nodiscard]] virtual bool begin_object() = 0;
  /// Of the field whose value comes next.
  [[nodiscard]] virtual bool name(std::string value) = 0;
  [[nodiscard]] virtual bool end_object() = 0;
};

/// Returns the position of the byte from which on `json` is not JSON, if that is what ended it.
[[nodiscard]] std::optional<std::size_t> read_json(std::string_view json, JsonEvents& events);

/// Writes an object without white space, its fields in the order in which they were added. Bytes of
/// texts that are not UTF-8 are replaced by U+FFFD.
///
///     JsonObject().add("msg", "Done").add("nonce", nonce).text()
class JsonObject {
 public:
  JsonObject& add(std::string_view name, std::string_view text);
  JsonObject& add(std::string_view name, const std::string& text) {
    return add(name, std::string_view(text));
  }
  JsonObject& add(std::string_view name, const char* text) {
    return add(name, std::string_view(text));
  }
  JsonObject& add(std::string_view name, double number);
  JsonObject& add(std::string_view name, std::integral auto number) {
    return add_raw(name, std::to_string(number));
  }
  JsonObject& add(std::string_view name, const std::vector<std::string>& texts);
  JsonObject& add(std::string_view name, const std::vector<JsonObject>& objects);

  /// Only if there is a value.
  template <typename T>
  JsonObject& add(std::string_view name, const std::optional<T>& value) {
    return value ? add(name, *value) : *this;
  }

  [[nodiscard]] std::string text() const { return text_ + '}'; }

 private:
  JsonObject& add_raw(std::string_view name, std::string_view json);

  std::string text_ = "{";
};

/// A text as JSON, in quotes. Bytes that are not UTF-8 are replaced by U+FFFD.
[[nodiscard]] std::string json_text(std::string_view text);

}  // namespace subunit
