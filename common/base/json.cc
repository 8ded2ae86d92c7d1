#include "common/base/json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace subunit {
namespace {

using Library = nlohmann::json;

std::string dump(const Library& value) {
  return value.dump(-1, ' ', false, Library::error_handler_t::replace);
}

/// It is the same in JSON.
bool is_plain(char character) {
  return character >= ' ' && character <= '~' && character != '"' && character != '\\';
}

/// A message has a hundred thousand ids, and nearly all are plain.
void append_json_text(std::string& json, std::string_view text) {
  if (std::ranges::all_of(text, is_plain)) {
    json.append(1, '"').append(text).append(1, '"');
  } else {
    json += dump(text);
  }
}

/// What the library calls, as what JsonEvents has.
class Adapter : public Library::json_sax_t {
 public:
  explicit Adapter(JsonEvents& events) : events_(events) {}

  [[nodiscard]] std::optional<std::size_t> bad_position() const { return bad_position_; }

  bool null() override { return events_.null(); }
  bool boolean(bool value) override { return events_.boolean(value); }
  bool number_integer(std::int64_t value) override { return events_.integer(value); }
  bool number_unsigned(std::uint64_t value) override {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    return events_.integer(static_cast<std::int64_t>(std::min(value, kMax)));
  }
  bool number_float(double value, const std::string&) override { return events_.number(value); }
  bool string(std::string& value) override { return events_.text(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // of other formats than JSON
  bool start_object(std::size_t) override { return events_.begin_object(); }
  bool key(std::string& value) override { return events_.name(std::move(value)); }
  bool end_object() override { return events_.end_object(); }
  bool start_array(std::size_t) override { return events_.begin_list(); }
  bool end_array() override { return events_.end_list(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    bad_position_ = position;
    return false;
  }

 private:
  JsonEvents& events_;
  std::optional<std::size_t> bad_position_;
};

class TreeBuilder : public JsonEvents {
 public:
  [[nodiscard]] bool too_deep() const { return too_deep_; }
  [[nodiscard]] JsonValue take_root() { return std::move(root_); }

  bool null() override { return leaf(nullptr); }
  bool boolean(bool value) override { return leaf(value); }
  bool integer(std::int64_t value) override { return leaf(value); }
  bool number(double value) override { return leaf(value); }
  bool text(std::string value) override { return leaf(std::move(value)); }
  bool begin_list() override { return begin(JsonValue::List()); }
  bool end_list() override { return end(); }
  bool begin_object() override { return begin(JsonValue::Object()); }
  bool end_object() override { return end(); }
  bool name(std::string value) override {
    open_.back().name = std::move(value);
    return true;
  }

 private:
  struct Open {
    JsonValue::Value value;  // a list or an object
    std::string name;        // of the field that comes next
  };

  bool begin(JsonValue::Value value) {
    too_deep_ = open_.size() == kMaxJsonDepth;
    if (!too_deep_) open_.push_back({std::move(value), ""});
    return !too_deep_;
  }

  bool end() {
    JsonValue::Value value = std::move(open_.back().value);
    open_.pop_back();
    return leaf(std::move(value));
  }

  bool leaf(JsonValue::Value value) {
    if (open_.empty()) {
      root_ = JsonValue(std::move(value));
    } else if (auto* list = std::get_if<JsonValue::List>(&open_.back().value)) {
      list->emplace_back(std::move(value));
    } else {
      std::get<JsonValue::Object>(open_.back().value)
          .insert_or_assign(std::move(open_.back().name), JsonValue(std::move(value)));
    }
    return true;
  }

  JsonValue root_;
  std::vector<Open> open_;
  bool too_deep_ = false;
};

}  // namespace

std::optional<double> JsonValue::number() const {
  if (const auto* integer = get<std::int64_t>()) return static_cast<double>(*integer);
  if (const auto* number = get<double>()) return *number;
  return std::nullopt;
}

const JsonValue* JsonValue::find(std::string_view name) const {
  const auto* object = get<Object>();
  if (!object) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &found->second;
}

Result<JsonValue> parse_json(std::string_view json) {
  TreeBuilder builder;
  const auto bad = read_json(json, builder);
  if (builder.too_deep()) return error("it is nested deeper than {}", kMaxJsonDepth);
  if (bad) return error("it is not JSON");
  return builder.take_root();
}

bool is_json(std::string_view json) {
  return Library::accept(json);
}

std::optional<std::size_t> read_json(std::string_view json, JsonEvents& events) {
  Adapter adapter(events);
  Library::sax_parse(json, &adapter);
  return adapter.bad_position();
}

JsonObject& JsonObject::add(std::string_view name, std::string_view text) {
  return add_raw(name, json_text(text));
}

JsonObject& JsonObject::add(std::string_view name, double number) {
  return add_raw(name, dump(number));
}

JsonObject& JsonObject::add(std::string_view name, const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) {
    if (list.size() > 1) list += ',';
    append_json_text(list, text);
  }
  return add_raw(name, list += ']');
}

JsonObject& JsonObject::add(std::string_view name, const std::vector<JsonObject>& objects) {
  std::string list = "[";
  for (const JsonObject& object : objects) {
    if (list.size() > 1) list += ',';
    list += object.text();
  }
  return add_raw(name, list += ']');
}

JsonObject& JsonObject::add_raw(std::string_view name, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  append_json_text(text_, name);
  text_.append(":").append(json);
  return *this;
}

std::string json_text(std::string_view text) {
  std::string json;
  append_json_text(json, text);
  return json;
}

}  // namespace subunit
