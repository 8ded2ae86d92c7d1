#include "common/rpc/json_fields.h"

#include <algorithm>

#include "common/base/json.h"
#include "common/base/text.h"

namespace subunit::rpc {
namespace {

using Value = JsonFields::Value;

constexpr std::string_view kMixedList = "a list with something else than strings in it";

/// No tree is built, so neither depth nor size of what is skipped costs anything.
class Reader : public JsonEvents {
 public:
  Reader(std::span<const std::string_view> names, std::vector<Value>& values)
      : names_(names), values_(values) {}

  /// What ended the parse before its time; "" if nothing did.
  [[nodiscard]] const std::string& fault() const { return fault_; }

  bool null() override { return scalar("null"); }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number(double value) override { return numeral(value); }
  bool integer(std::int64_t value) override { return numeral(value); }

  bool text(std::string value) override {
    if (depth_ == 0) return no_object();
    if (!field_) return true;
    if (depth_ == 1) {
      *field_ = std::move(value);
    } else if (auto* list = std::get_if<std::vector<std::string>>(field_)) {
      if (list->size() == kMaxTestIds)
        return stop(fmt::format("a list is longer than {}", kMaxTestIds));
      list->push_back(std::move(value));
    }
    return true;
  }

  bool begin_object() override {
    if (depth_ > 0) spoil("an object");
    return deeper();
  }

  bool name(std::string name) override {
    if (depth_ > 1) return true;
    const auto found = std::find(names_.begin(), names_.end(), name);
    field_ = found == names_.end() ? nullptr : &values_[found - names_.begin()];
    return true;
  }

  bool end_object() override { return shallower(); }

  bool begin_list() override {
    if (depth_ == 0) return no_object();
    if (depth_ > 1) {
      spoil("a list");
    } else if (field_) {
      *field_ = std::vector<std::string>();
    }
    return deeper();
  }

  bool end_list() override { return shallower(); }

 private:
  bool scalar(std::string_view seen) {
    if (depth_ == 0) return no_object();
    spoil(seen);
    return true;
  }

  template <typename T>
  bool numeral(T value) {
    if (depth_ != 1) return scalar("a number");
    if (field_) *field_ = value;
    return true;
  }

  /// Something stands where no field of ours has it: as a field itself, or within its list.
  void spoil(std::string_view seen) {
    if (!field_) return;
    if (depth_ == 1) {
      *field_ = JsonFields::Other{seen};
    } else if (!std::holds_alternative<JsonFields::Other>(*field_)) {
      *field_ = JsonFields::Other{kMixedList};
    }
  }

  bool deeper() {
    if (depth_ == kMaxJsonDepth)
      return stop(fmt::format("it is nested deeper than {}", kMaxJsonDepth));
    ++depth_;
    return true;
  }

  bool shallower() {
    --depth_;
    return true;
  }

  bool no_object() { return stop("it is not a JSON object"); }

  bool stop(std::string fault) {
    fault_ = std::move(fault);
    return false;
  }

  std::span<const std::string_view> names_;
  std::vector<Value>& values_;
  Value* field_ = nullptr;  // the field that is being read, if it is one of names_
  int depth_ = 0;
  std::string fault_;
};

std::string_view seen(const Value& value) {
  struct Describe {
    std::string_view operator()(JsonFields::Absent) const { return "missing"; }
    std::string_view operator()(JsonFields::Other other) const { return other.seen; }
    std::string_view operator()(std::int64_t) const { return "a number"; }
    std::string_view operator()(double) const {
      return "a number that is not an integer, or too large";
    }
    std::string_view operator()(const std::string&) const { return "a string"; }
    std::string_view operator()(const std::vector<std::string>&) const { return "a list"; }
  };
  return std::visit(Describe{}, value);
}

}  // namespace

JsonFields::JsonFields(std::string_view json, std::span<const std::string_view> names)
    : json_(json), names_(names), values_(names.size()) {
  Reader reader(names_, values_);
  const auto bad = read_json(json_, reader);
  fault_ = bad ? fmt::format("it is not JSON from byte {} on", *bad) : reader.fault();
}

Value& JsonFields::value_of(std::string_view name) {
  return values_[std::find(names_.begin(), names_.end(), name) - names_.begin()];
}

template <typename T>
std::optional<T> JsonFields::take(std::string_view name, std::string_view expected) {
  Value& value = value_of(name);
  if (std::holds_alternative<Absent>(value)) return std::nullopt;
  if (T* found = std::get_if<T>(&value)) return std::move(*found);
  blame(fmt::format("\"{}\" is {}, expected {}", name, seen(value), expected));
  return T();
}

template <typename T>
T JsonFields::need(std::string_view name, std::string_view expected) {
  auto value = take<T>(name, expected);
  if (!value) blame(fmt::format("\"{}\" is missing, expected {}", name, expected));
  return std::move(value).value_or(T());
}

std::string JsonFields::text(std::string_view name) {
  return need<std::string>(name, "a string");
}

std::optional<std::string> JsonFields::optional_text(std::string_view name) {
  return take<std::string>(name, "a string");
}

int JsonFields::integer(std::string_view name) {
  const auto value = optional_integer(name);
  if (!value) blame(fmt::format("\"{}\" is missing, expected an integer", name));
  return value.value_or(0);
}

std::optional<int> JsonFields::optional_integer(std::string_view name) {
  const auto value = take<std::int64_t>(name, "an integer");
  if (!value) return std::nullopt;
  if (!std::in_range<int>(*value)) blame(fmt::format("\"{}\" is out of range", name));
  return static_cast<int>(*value);
}

Time JsonFields::time(std::string_view name) {
  Value& value = value_of(name);
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    value = static_cast<double>(*integer);
  const auto time = from_seconds(need<double>(name, "a number of seconds"));
  if (!time || *time <= Time(0))
    blame(fmt::format("\"{}\" is not a time between 0 and {:g} seconds", name, kMaxSeconds));
  return time.value_or(Time(0));
}

TestIds JsonFields::optional_texts(std::string_view name) {
  return take<std::vector<std::string>>(name, "a list of strings");
}

std::string JsonFields::nonce() {
  auto nonce = optional_nonce();
  if (!nonce) blame("\"nonce\" is missing, expected a string");
  return std::move(nonce).value_or("");
}

std::optional<std::string> JsonFields::optional_nonce() {
  auto nonce = optional_text("nonce");
  if (nonce && nonce->size() > kMaxNonceSize)
    blame(fmt::format("\"nonce\" is longer than {} bytes", kMaxNonceSize));
  return nonce;
}

VersionRange JsonFields::versions() {
  const VersionRange versions{.max = integer("max"), .min = integer("min")};
  if (versions.max < versions.min) blame("\"max\" is less than \"min\"");
  return versions;
}

tl::unexpected<Error> JsonFields::unknown(std::string_view msg, std::string_view expected) {
  blame(fmt::format("\"msg\" is \"{}\", expected {}", escaped(msg, 40), expected));
  return failure();
}

void JsonFields::blame(std::string fault) {
  if (fault_.empty()) fault_ = std::move(fault);
}

tl::unexpected<Error> JsonFields::failure() const {
  return error("cannot understand the message {}: {}", escaped(json_), fault_);
}

}  // namespace subunit::rpc
