#include "common/run/selection/limit_rules.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "common/base/text.h"
#include "common/run/options.h"

namespace subunit::run {

namespace {

using schedule::Limits;

constexpr std::string_view kPerChannel = ",per-channel";
constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/// The resources of Limits that are there before any is added.
constexpr Limits::Resource kFirstResource =
    std::max(Limits::kExclusiveOnChannel, Limits::kExclusiveInRun) + 1;

std::optional<std::uint32_t> parse_slots(std::string_view text) {
  std::uint32_t slots = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), slots);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (slots == 0 || slots > ResourceRule::kMaxSlots) return std::nullopt;
  return slots;
}

std::string shown(std::uint32_t slots, bool per_channel) {
  return fmt::format("{}{}", slots, per_channel ? kPerChannel : "");
}

}  // namespace

Result<ResourceRule> ResourceRule::parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(':', equals == text.npos ? 0 : equals);
  if (equals != text.npos && colon != text.npos) {
    const std::string_view name = text.substr(0, equals);
    std::string_view number = text.substr(equals + 1, colon - equals - 1);
    const bool per_channel = number.ends_with(kPerChannel);
    if (per_channel) number.remove_suffix(kPerChannel.size());
    const auto slots = parse_slots(number);
    const bool is_name = !name.empty() && name.find_first_not_of(kNameCharacters) == name.npos;
    const std::string_view expression = text.substr(colon + 1);
    if (is_name && slots && !expression.empty())
      return ResourceRule{std::string(name), *slots, per_channel, std::string(expression)};
  }
  return error(
      "--resource: \"{}\" is not NAME=N:REGEX or NAME=N,per-channel:REGEX, with a name of letters, "
      "digits, \".\", \"_\" and \"-\", and a whole number N from 1 to {}",
      escaped(text), kMaxSlots);
}

Result<LimitRules> LimitRules::create(const Options& options) {
  LimitRules rules;
  for (const ResourceRule& rule : options.resources) {
    const auto number = rules.find_or_add(rule);
    if (!number) return tl::unexpected(number.error());
    const auto resource = kFirstResource + static_cast<Limits::Resource>(*number);
    if (auto added = rules.add("--resource", rule.expression, resource); !added)
      return tl::unexpected(added.error());
  }
  for (const std::string& expression : options.exclusive) {
    if (auto added = rules.add("--exclusive", expression, Limits::kExclusiveOnChannel); !added)
      return tl::unexpected(added.error());
  }
  for (const std::string& expression : options.exclusive_in_run) {
    if (auto added = rules.add("--exclusive-in-run", expression, Limits::kExclusiveInRun); !added)
      return tl::unexpected(added.error());
  }
  return rules;
}

Result<std::size_t> LimitRules::find_or_add(const ResourceRule& rule) {
  const auto known = std::ranges::find(resources_, rule.name, &Resource::name);
  if (known == resources_.end())
    resources_.push_back({rule.name, rule.slots, rule.per_channel});
  else if (known->slots != rule.slots || known->per_channel != rule.per_channel)
    return error(
        "--resource: {0} is given as {0}={1} and as {0}={2}; a resource has one number of "
        "slots",
        rule.name, shown(known->slots, known->per_channel), shown(rule.slots, rule.per_channel));
  const auto place = std::ranges::find(resources_, rule.name, &Resource::name);
  return static_cast<std::size_t>(place - resources_.begin());
}

Result<> LimitRules::add(std::string_view option, const std::string& expression,
                         Limits::Resource resource) {
  auto compiled = Regex::create(option, expression);
  if (!compiled) return tl::unexpected(compiled.error());
  rules_.push_back({std::move(*compiled), resource});
  return {};
}

LimitRules::Needs LimitRules::needs(const std::vector<std::string>& ids) const {
  Needs needs;
  for (const Resource& resource : resources_) {
    const auto scope = resource.per_channel ? Limits::Scope::kChannel : Limits::Scope::kRun;
    (void)needs.limits.add_resource(resource.slots, scope);
  }
  needs.of.reserve(ids.size());
  for (const std::string& id : ids) {
    std::vector<Limits::Resource> resources;
    for (const Rule& rule : rules_)
      if (rule.expression.find(id)) resources.push_back(rule.resource);
    needs.of.push_back(needs.limits.needs(std::move(resources)));
  }
  return needs;
}

}  // namespace subunit::run
