#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/regex.h"
#include "common/base/result.h"
#include "common/schedule/limits.h"

namespace subunit::run {

struct Options;

/// Some tests need something of which there are few.
struct ResourceRule {
  static constexpr std::uint32_t kMaxSlots = 1'000'000;

  std::string name;
  std::uint32_t slots;
  bool per_channel;        ///< there are so many on each channel, not in the whole run
  std::string expression;  ///< found in the ids of these tests

  /// Of "NAME=N:REGEX" or "NAME=N,per-channel:REGEX". An Error says what was given, and what it
  /// should look like.
  [[nodiscard]] static Result<ResourceRule> parse(std::string_view text);
};

/// Which tests need what, by their ids.
class LimitRules {
 public:
  /// An Error names the expression that is not one, or the resource that has two numbers of slots.
  [[nodiscard]] static Result<LimitRules> create(const Options& options);

  /// Nothing is limited.
  [[nodiscard]] bool empty() const { return rules_.empty(); }

  /// The limits of a run, and what each of these tests needs of them.
  struct Needs {
    schedule::Limits limits;
    std::vector<schedule::Limits::Needs> of;  ///< by test
  };
  [[nodiscard]] Needs needs(const std::vector<std::string>& ids) const;

 private:
  struct Resource {
    std::string name;
    std::uint32_t slots;
    bool per_channel;
  };
  struct Rule {
    Regex expression;
    schedule::Limits::Resource resource;
  };

  LimitRules() = default;
  [[nodiscard]] Result<std::size_t> find_or_add(const ResourceRule& rule);
  [[nodiscard]] Result<> add(std::string_view option, const std::string& expression,
                             schedule::Limits::Resource resource);

  std::vector<Resource> resources_;
  std::vector<Rule> rules_;
};

}  // namespace subunit::run
