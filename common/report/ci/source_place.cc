#include "common/report/ci/source_place.h"

#include <algorithm>
#include <charconv>

namespace subunit::report {
namespace {

constexpr std::size_t kMaxLine = 4096;  // bytes; a longer one is not of a framework

Regex regex(std::string_view expression) {
  return Regex::create("a place", expression).value();
}

/// The number at the end of `text`, which has one; 0 if it is too large.
std::size_t number_at_end(std::string_view text) {
  const std::size_t begin = text.find_last_not_of("0123456789") + 1;
  std::size_t number = 0;
  std::from_chars(text.data() + begin, text.data() + text.size(), number);
  return number;
}

bool climbs(std::string_view path) {
  return path.starts_with("../") || path.find("/../") != std::string_view::npos;
}

}  // namespace

/// The candidates, in a text that may have several.
struct SourcePlaces::Mentions {
  std::optional<Mention> deepest_frame;  // of the last traceback
  std::optional<Mention> first_place;
  std::optional<Mention> last_place;
};

SourcePlaces::SourcePlaces(std::string folder, Exists exists)
    : folder_(std::move(folder)),
      exists_(std::move(exists)),
      python_frame_(regex(R"(^[ |+]*File "[^"]+", line [0-9]+)")),
      place_before_colon_(regex(R"(^[^ \t:"]+\.[A-Za-z0-9_+]+:[0-9]+:)")),
      place_in_words_(regex(R"( at [^ ]+ line [0-9]+\.?$)")),
      library_(regex("(^<)|/(site|dist)-packages/|/lib(32|64)?/python[0-9.]+/|/python[0-9]+[.]zip/|"
                     "/subunit_rpc/|^/usr/include/")) {}

std::optional<SourcePlace> SourcePlaces::find(std::string_view text) const {
  Mentions found;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.size() > kMaxLine) continue;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const auto frame = python_frame(line)) {
      if (is_own(frame->file)) found.deepest_frame = frame;
      continue;
    }
    auto place = place_before_colon(line);
    if (!place) place = place_in_words(line);
    if (!place || !is_own(place->file)) continue;
    if (!found.first_place) found.first_place = place;
    found.last_place = place;
  }
  auto mention = found.deepest_frame;
  if (!mention && found.first_place)
    mention = found.first_place->file.ends_with(".py") ? found.last_place : found.first_place;
  if (!mention) return std::nullopt;
  return here(*mention);
}

std::optional<SourcePlaces::Mention> SourcePlaces::python_frame(std::string_view line) const {
  const auto match = python_frame_.find(line);
  if (!match) return std::nullopt;
  const std::size_t begin = match->find('"') + 1;
  return Mention{match->substr(begin, match->rfind('"') - begin), number_at_end(*match)};
}

std::optional<SourcePlaces::Mention> SourcePlaces::place_before_colon(std::string_view line) const {
  const auto match = place_before_colon_.find(line);
  if (!match) return std::nullopt;
  const std::string_view place = match->substr(0, match->size() - 1);
  return Mention{place.substr(0, place.rfind(':')), number_at_end(place)};
}

std::optional<SourcePlaces::Mention> SourcePlaces::place_in_words(std::string_view line) const {
  auto match = place_in_words_.find(line);
  if (!match) return std::nullopt;
  if (match->ends_with('.')) match->remove_suffix(1);
  match->remove_prefix(std::string_view(" at ").size());
  return Mention{match->substr(0, match->find(' ')), number_at_end(*match)};
}

bool SourcePlaces::is_own(std::string_view file) const {
  return !library_.find(file);
}

SourcePlace SourcePlaces::here(const Mention& mention) const {
  std::string_view file = mention.file;
  while (file.starts_with("./")) file.remove_prefix(2);
  const bool is_below =
      file.size() > folder_.size() + 1 && file.starts_with(folder_) && file[folder_.size()] == '/';
  if (is_below) file.remove_prefix(folder_.size() + 1);
  for (std::string_view rest = file; !rest.empty();) {
    if (!rest.starts_with('/') && !climbs(rest) && exists_(std::string(rest)))
      return {std::string(rest), mention.line, true};
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return {std::string(file), mention.line, false};
}

}  // namespace subunit::report
