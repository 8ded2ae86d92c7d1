#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/time.h"

namespace proxy {

struct ProgramText;

/// What is wrong with a command line, and what to try.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The options of one subcommand, and its help, where they stand in the order in which they were
/// added. Each puts what was given for it where it was told to; without the option, that stays as
/// it is. What it refers to has to outlive parse_options().
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
    const char* name;   ///< "--list"
    const char* value;  ///< "FILE"
    std::string help;
  };

  template <typename T>
  using Choices = std::initializer_list<std::pair<const char*, T>>;

  /// What takes a value. It may throw a UsageError.
  template <typename T>
  using Store = std::function<void(T)>;

  explicit OptionSet(const Text& text);
  OptionSet(const OptionSet&) = delete;
  ~OptionSet();

  void flag(const char* name, const char* help, bool& value);
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
  void words(const char* name, const char* help, std::vector<std::string>& values);
  /// The first word that is no option of this set, and all that follow it.
  void rest(std::vector<std::string>& values);

  /// `name` does not go with `other`.
  void exclude(const char* name, const char* other);
  /// `name` goes with `other` only.
  void require(const char* name, const char* other);
  /// `check` is called once every option has its value, after the checks that were added before. It
  /// throws a UsageError for what does not go together.
  void check(std::function<void()> check);

  /// Was the option or the word `name` on the command line? No, if there is no such option.
  [[nodiscard]] bool given(const char* name) const;
  /// Is this the subcommand that the command line names?
  [[nodiscard]] bool named() const;
  [[nodiscard]] std::string name() const;

 private:
  struct Parser;
  friend std::optional<std::string> parse_options(const ProgramText& program,
                                                  std::span<OptionSet* const> subcommands,
                                                  const std::vector<std::string>& words);

  void finish();
  void choose(const Label& label, const std::vector<std::pair<std::string, int>>& names,
              const Store<int>& store);

  std::unique_ptr<Parser> parser_;
};

template <typename T>
void OptionSet::choice(const Label& label, Choices<std::type_identity_t<T>> names, T& value) {
  std::vector<std::pair<std::string, int>> numbers;
  for (const auto& [name, choice] : names) numbers.emplace_back(name, static_cast<int>(choice));
  choose(label, numbers, [&value](int chosen) { value = static_cast<T>(chosen); });
}

/// What stands above the subcommands.
struct ProgramText {
  const char* name;
  const char* description;
  const char* footer;
  const char* version;  ///< what --version prints
};

/// Gives the options of the subcommand that `words` name their values. Returns the text to print
/// instead, where `words` ask for help or for the version. Throws UsageError.
[[nodiscard]] std::optional<std::string> parse_options(const ProgramText& program,
                                                       std::span<OptionSet* const> subcommands,
                                                       const std::vector<std::string>& words);

}  // namespace proxy
