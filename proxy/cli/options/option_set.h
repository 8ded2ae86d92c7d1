#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/time.h"

namespace proxy {

/// What is wrong with a command line, and what to try.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The options of one subcommand, and its help, where they stand in the order in which they were
/// added. Each puts what was given for it where it was told to; without the option, that stays as
/// it is. What it refers to has to outlive parse().
///
/// A value is the next word, whatever that is, or stands behind an equals sign: `--id-option -n`,
/// `--id-option=-n`.
class OptionSet {
 public:
  struct Text {
    const char* name;
    const char* description;  ///< one line, for the list of subcommands
    const char* usage;
    const char* footer;
    bool hidden = false;  ///< not in the list of subcommands
  };

  /// How an option shows in the help.
  struct Label {
    const char* name;  ///< "--list"
    /// "FILE"; "[=WORD]": it may be there, after "=" only; "[ NUMBER]": it may be there, after "="
    /// or as the next word, if that is a whole number; nullptr: it takes none.
    const char* value;
    std::string help;
  };

  template <typename T>
  using Choices = std::initializer_list<std::pair<const char*, T>>;

  /// What takes a value. It may throw a UsageError.
  template <typename T>
  using Store = std::function<void(T)>;

  struct Option {
    Label label;
    Store<const std::string&> store;
    bool repeatable = false;
    bool hidden = false;
    std::vector<std::string> choices = {};  ///< what its value can be, where that is known
    std::vector<std::string> values = {};   ///< as they were given; of a flag, empty ones
    std::string origin = {};                ///< of the values, for people; "": the command line
  };

  explicit OptionSet(const Text& text) : text_(text) {}
  OptionSet(const OptionSet&) = delete;

  void flag(const char* name, const char* help, bool& value);
  /// A flag that may have a value: `store` gets "" without one, and the last one counts. The
  /// label's value begins with "[".
  void flag(const Label& label, const Store<const std::string&>& store);
  void text(const Label& label, std::string& value);
  void text(const Label& label, std::optional<std::string>& value);
  void text(const Label& label, const Store<const std::string&>& store);

  /// Options that may be repeated: `store` gets the values one after the other.
  void texts(const Label& label, std::vector<std::string>& values);
  void texts(const Label& label, const Store<const std::string&>& store);

  /// Numbers from `min` to `max`.
  void integer(const Label& label, int min, int max, const Store<int>& store);
  void number(const Label& label, double min, double max, const Store<double>& store);

  /// Times in seconds. Where there is a value already, the help shows it as the default.
  void seconds(const char* name, const char* help, subunit::Time& value);
  void seconds(const char* name, const char* help, std::optional<subunit::Time>& value);

  /// One of some names. T is an enumeration.
  template <typename T>
  void choice(const Label& label, Choices<std::type_identity_t<T>> names, T& value);

  /// The words that are no options.
  void words(std::vector<std::string>& values) { words_ = &values; }
  /// The first word that is no option of this set, and all that follow it.
  void rest(std::vector<std::string>& values) { rest_ = &values; }

  /// For completion: the values of `name`, whose label and Store do not tell.
  void suggest(const char* name, std::vector<std::string> choices);
  /// `name` is not in the help.
  void hide(const char* name);
  /// `name` does not go with `other`.
  void exclude(const char* name, const char* other);
  /// `name` goes with `other` only.
  void require(const char* name, const char* other);
  /// `check` is called once every option has its value, after the checks that were added before. It
  /// throws a UsageError for what does not go together.
  void check(std::function<void()> check) { checks_.push_back(std::move(check)); }

  /// `presets` is called once the words of the command line are known, before any value is stored:
  /// it may call preset().
  void before_values(std::function<void()> presets) { presets_ = std::move(presets); }
  /// What a configuration file has for this option. It does not count if the option, or one that it
  /// does not go with, is on the command line. An option that is not there, or that does not take
  /// such a value, is a UsageError, as is `is_flag` for one that takes a value.
  void preset(const std::string& name, const std::vector<std::string>& values, bool is_flag,
              const std::string& origin);

  /// Was the option `name` given, on the command line or by preset()? No, if there is none.
  [[nodiscard]] bool given(std::string_view name) const;
  /// Its last value on the command line.
  [[nodiscard]] std::optional<std::string> value_of(std::string_view name) const;

  /// Gives the options the values that `words` have for them. Returns the help instead, where they
  /// ask for that. Throws UsageError.
  [[nodiscard]] std::optional<std::string> parse(const std::vector<std::string>& words);

  [[nodiscard]] const Text& about() const { return text_; }
  /// In the order in which they were added.
  [[nodiscard]] const std::vector<Option>& options() const { return options_; }

 private:
  [[nodiscard]] std::string help() const;
  [[nodiscard]] Option& find(std::string_view name);
  void choose(const Label& label, const std::vector<std::pair<std::string, int>>& names,
              const Store<int>& store);
  /// Gives the options their values. Returns the words that belong nowhere.
  std::vector<std::string> sort(const std::vector<std::string>& words);

  const Text text_;
  std::vector<Option> options_;
  std::vector<std::string>* words_ = nullptr;
  std::vector<std::string>* rest_ = nullptr;
  std::vector<std::function<void()>> checks_;
  std::vector<std::pair<std::string, std::string>> excluded_;
  std::function<void()> presets_;
};

template <typename T>
void OptionSet::choice(const Label& label, Choices<std::type_identity_t<T>> names, T& value) {
  std::vector<std::pair<std::string, int>> numbers;
  for (const auto& [name, choice] : names) numbers.emplace_back(name, static_cast<int>(choice));
  choose(label, numbers, [&value](int chosen) { value = static_cast<T>(chosen); });
}

/// Does this word ask for the help?
[[nodiscard]] bool asks_for_help(std::string_view word);

/// A line of it: "  --list FILE                 what that is for".
[[nodiscard]] std::string help_line(std::string_view name, std::string_view help);
[[nodiscard]] std::string help_line_about_help();

}  // namespace proxy
