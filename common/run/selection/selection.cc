#include "common/run/selection/selection.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

#include "common/base/text.h"
#include "common/run/options.h"

namespace subunit::run {

namespace {

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint32_t hash_of(std::string_view id) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : id) {
    hash ^= static_cast<std::uint8_t>(byte);
    hash *= 0x100000001b3;
  }
  return static_cast<std::uint32_t>(hash + (hash >> 32));
}

}  // namespace

Result<Partition> Partition::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::size_t slash = text.find('/');
  const std::string_view kind = text.substr(0, colon);
  if (colon < slash && slash != std::string_view::npos && (kind == "slice" || kind == "hash")) {
    const auto part = parse_number(text.substr(colon + 1, slash - colon - 1));
    const auto of = parse_number(text.substr(slash + 1));
    if (part && of && *part >= 1 && *part <= *of)
      return Partition{kind == "hash" ? Kind::kHash : Kind::kSlice, *part, *of};
  }
  return error("--partition: \"{}\" is not slice:K/N or hash:K/N with whole numbers, K from 1 to N",
               escaped(text));
}

Result<Selection> Selection::create(const Options& options, HasFailed has_failed) {
  Selection selection;
  for (const std::string& expression : options.match) {
    auto compiled = Regex::create("--match", expression);
    if (!compiled) return tl::unexpected(compiled.error());
    selection.expressions_.push_back(std::move(*compiled));
  }
  if (options.failed) selection.has_failed_ = std::move(has_failed);
  selection.partition_ = options.partition;
  return selection;
}

bool Selection::takes(std::string_view id) {
  if (!matches(id) || (has_failed_ && !has_failed_(id))) return false;
  if (!partition_) return true;
  const std::uint64_t number =
      partition_->kind == Partition::Kind::kHash ? hash_of(id) : candidates_++;
  return number % partition_->of == partition_->part - 1;
}

bool Selection::matches(std::string_view id) const {
  if (expressions_.empty()) return true;
  return std::ranges::any_of(
      expressions_, [id](const Regex& expression) { return expression.find(id).has_value(); });
}

bool Selection::is_partial() const {
  return !expressions_.empty() || has_failed_ || partition_;
}

std::string Selection::options() const {
  std::string names;
  const auto add = [&names](bool given, const char* name) {
    if (given) names += (names.empty() ? "" : " and ") + std::string(name);
  };
  add(!expressions_.empty(), "--match");
  add(has_failed_ != nullptr, "--failed");
  add(partition_.has_value(), "--partition");
  return names;
}

/// By Fisher and Yates, with a generator that the language defines to the last bit; std::shuffle
/// is each library's own.
void shuffle(std::vector<std::string>& ids, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  for (std::size_t left = ids.size(); left > 1; --left)
    std::swap(ids[left - 1], ids[random() % left]);
}

}  // namespace subunit::run
