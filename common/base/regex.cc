#include "common/base/regex.h"

#include <re2/re2.h>

#include "common/base/text.h"

namespace subunit {

class Regex::Engine {
 public:
  explicit Engine(std::string_view expression)
      : re2_({expression.data(), expression.size()}, RE2::Quiet) {}

  [[nodiscard]] const RE2& re2() const { return re2_; }

 private:
  RE2 re2_;
};

Result<Regex> Regex::create(std::string_view what, std::string_view expression) {
  auto engine = std::make_shared<const Engine>(expression);
  if (engine->re2().ok()) return Regex(std::move(engine));
  return error("{} \"{}\" is not a valid regular expression: {}", what, escaped(expression),
               escaped(engine->re2().error()));
}

std::optional<std::string_view> Regex::find(std::string_view text) const {
  re2::StringPiece match;
  const re2::StringPiece all(text.data(), text.size());
  if (!engine_->re2().Match(all, 0, all.size(), RE2::UNANCHORED, &match, 1)) return std::nullopt;
  return std::string_view(match.data(), match.size());
}

}  // namespace subunit
