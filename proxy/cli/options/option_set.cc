#include "proxy/cli/options/option_set.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "common/base/text.h"

namespace proxy {

using subunit::escaped;

namespace {

subunit::Time time_of(double seconds) {
  return std::chrono::duration_cast<subunit::Time>(std::chrono::duration<double>(seconds));
}

std::optional<int> read_integer(const std::string& text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> read_number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0') return std::nullopt;
  return value;
}

bool may_be_next(const OptionSet::Label& label) {
  return label.value && std::string_view(label.value).starts_with("[ ");
}

bool is_number(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == word.npos;
}

/// nan is neither above nor below.
template <typename T>
void check_range(const char* name, const std::string& text, std::optional<T> value, T min, T max) {
  if (value && *value >= min && *value <= max) return;
  throw UsageError(fmt::format("{}: \"{}\" is not a {}number from {} to {}", name, escaped(text),
                               std::is_integral_v<T> ? "whole " : "", min, max));
}

}  // namespace

void OptionSet::flag(const char* name, const char* help, bool& value) {
  options_.push_back({{name, nullptr, help}, [&value](const std::string&) { value = true; }, true});
}

void OptionSet::flag(const Label& label, const Store<const std::string&>& store) {
  options_.push_back({label, store, true});
}

void OptionSet::text(const Label& label, std::string& value) {
  text(label, [&value](const std::string& given) { value = given; });
}

void OptionSet::text(const Label& label, std::optional<std::string>& value) {
  text(label, [&value](const std::string& given) { value = given; });
}

void OptionSet::text(const Label& label, const Store<const std::string&>& store) {
  options_.push_back({label, store});
}

void OptionSet::texts(const Label& label, std::vector<std::string>& values) {
  texts(label, [&values](const std::string& given) { values.push_back(given); });
}

void OptionSet::texts(const Label& label, const Store<const std::string&>& store) {
  options_.push_back({label, store, true});
}

void OptionSet::integer(const Label& label, int min, int max, const Store<int>& store) {
  text(label, [name = label.name, min, max, store](const std::string& given) {
    const auto value = read_integer(given);
    check_range(name, given, value, min, max);
    store(*value);
  });
}

void OptionSet::number(const Label& label, double min, double max, const Store<double>& store) {
  text(label, [name = label.name, min, max, store](const std::string& given) {
    const auto value = read_number(given);
    check_range(name, given, value, min, max);
    store(*value);
  });
}

void OptionSet::seconds(const char* name, const char* help, subunit::Time& value) {
  const double preset = std::chrono::duration<double>(value).count();
  number({name, "SECONDS", fmt::format("{} ({:g})", help, preset)}, 0.001, subunit::kMaxSeconds,
         [&value](double given) { value = time_of(given); });
}

void OptionSet::seconds(const char* name, const char* help, std::optional<subunit::Time>& value) {
  number({name, "SECONDS", help}, 0.001, subunit::kMaxSeconds,
         [&value](double given) { value = time_of(given); });
}

void OptionSet::choose(const Label& label, const std::vector<std::pair<std::string, int>>& names,
                       const Store<int>& store) {
  text(label, [name = label.name, names, store](const std::string& given) {
    std::string known;
    for (const auto& [choice, number] : names) {
      if (choice == given) return store(number);
      known += (known.empty() ? "" : ", ") + choice;
    }
    throw UsageError(fmt::format("{}: \"{}\" is not one of {}", name, escaped(given), known));
  });
  for (const auto& each : names) options_.back().choices.push_back(each.first);
}

OptionSet::Option& OptionSet::find(std::string_view name) {
  return *std::ranges::find(options_, name, [](const Option& each) { return each.label.name; });
}

void OptionSet::suggest(const char* name, std::vector<std::string> choices) {
  find(name).choices = std::move(choices);
}

void OptionSet::hide(const char* name) {
  find(name).hidden = true;
}

void OptionSet::exclude(const char* name, const char* other) {
  excluded_.emplace_back(name, other);
  excluded_.emplace_back(other, name);
  check([this, name, other] {
    if (given(name) && given(other))
      throw UsageError(fmt::format("{} cannot be used with {}", name, other));
  });
}

void OptionSet::require(const char* name, const char* other) {
  check([this, name, other] {
    if (given(name) && !given(other)) throw UsageError(fmt::format("{} needs {}", name, other));
  });
}

bool OptionSet::given(std::string_view name) const {
  return std::ranges::any_of(options_, [name](const Option& option) {
    return option.label.name == name && !option.values.empty();
  });
}

std::optional<std::string> OptionSet::value_of(std::string_view name) const {
  const auto option = std::ranges::find(
      options_, name, [](const Option& each) { return std::string_view(each.label.name); });
  if (option == options_.end() || option->values.empty()) return std::nullopt;
  return option->values.back();
}

void OptionSet::preset(const std::string& name, const std::vector<std::string>& values,
                       bool is_flag, const std::string& origin) {
  const auto option =
      std::ranges::find(options_, name, [](const Option& each) { return each.label.name; });
  if (option == options_.end())
    throw UsageError(fmt::format("{}: {} has no option {}", origin, text_.name, escaped(name)));
  if (!option->values.empty()) return;
  for (const auto& [each, other] : excluded_)
    if (each == name && given(other)) return;
  const char* const value = option->label.value;
  if (is_flag && value && value[0] != '[')
    throw UsageError(fmt::format("{}: {} needs a value: {}", origin, name, value));
  if (!is_flag && !value)
    throw UsageError(fmt::format("{}: {} takes no value but true and false", origin, name));
  option->values = values;
  option->origin = origin;
}

std::vector<std::string> OptionSet::sort(const std::vector<std::string>& words) {
  std::vector<std::string> left;
  for (auto word = words.begin(); word != words.end(); ++word) {
    const std::size_t equals = word->find('=');
    const auto option = std::ranges::find(options_, word->substr(0, equals),
                                          [](const Option& each) { return each.label.name; });
    if (option != options_.end()) {
      const Label& label = option->label;
      const bool has_value = equals != std::string::npos;
      if (!label.value && has_value) throw UsageError(fmt::format("{} takes no value", label.name));
      const bool needs_value = label.value && label.value[0] != '[';
      if (needs_value && !has_value && word + 1 == words.end())
        throw UsageError(fmt::format("{} needs a value: {}", label.name, label.value));
      const bool takes_next =
          needs_value || (may_be_next(label) && word + 1 != words.end() && is_number(word[1]));
      option->values.push_back(has_value ? word->substr(equals + 1) : takes_next ? *++word : "");
    } else if (rest_ && !asks_for_help(*word)) {
      rest_->assign(word, words.end());
      break;
    } else if (words_ && !word->starts_with('-')) {
      words_->push_back(*word);
    } else {
      left.push_back(*word);
    }
  }
  return left;
}

std::optional<std::string> OptionSet::parse(const std::vector<std::string>& words) {
  const std::vector<std::string> left = sort(words);
  if (std::ranges::any_of(left, asks_for_help)) return help();
  if (!left.empty())
    throw UsageError(fmt::format("{} does not take \"{}\"", text_.name, escaped(left.front())));
  if (presets_) presets_();
  for (const Option& option : options_) {
    try {
      if (option.values.size() > 1 && !option.repeatable)
        throw UsageError(fmt::format("{} may be given only once", option.label.name));
      for (const std::string& value : option.values) option.store(value);
    } catch (const UsageError& error) {
      if (option.origin.empty()) throw;
      throw UsageError(fmt::format("{}: {}", option.origin, error.what()));
    }
  }
  for (const auto& check : checks_) check();
  return std::nullopt;
}

std::string OptionSet::help() const {
  std::string text =
      fmt::format("{}\n{}\nOptions:\n{}", text_.description, text_.usage, help_line_about_help());
  for (const Option& option : options_) {
    const auto& [name, value, help] = option.label;
    if (option.hidden) continue;
    const char* const between = value && value[0] == '[' ? "" : " ";
    text += help_line(value ? fmt::format("{}{}{}", name, between, value) : name, help);
  }
  return text + "\n" + text_.footer;
}

bool asks_for_help(std::string_view word) {
  return word == "--help" || word == "-h";
}

std::string help_line(std::string_view name, std::string_view help) {
  return fmt::format("  {:26}  {}\n", name, help);
}

std::string help_line_about_help() {
  return help_line("-h,--help", "print this help");
}

}  // namespace proxy
