#include "common/adapter/tap/tap_stream.h"

#include <fmt/core.h>

#include <algorithm>

namespace subunit::adapter {
namespace {

std::string wrong_count(std::size_t planned, std::size_t ended) {
  return fmt::format("the plan was {} tests, and {} have ended", planned, ended);
}

void add_note(TapTest& test, std::string_view text) {
  const char* const name = test.status == Status::kFail ? "failure" : "message";
  auto found = std::ranges::find(test.attachments, name, &Attachment::name);
  if (found == test.attachments.end())
    found = test.attachments.insert(found, {.name = name, .text = {}});
  found->text.append(text).append("\n");
}

/// Nothing that follows is needed to know all of it.
bool is_whole(const TapLine& line) {
  const auto* const result = std::get_if<TapLine::Result>(&line.what);
  return result && result->ok;
}

bool is_note(const TapLine& line) {
  return std::holds_alternative<TapLine::Comment>(line.what) ||
         std::holds_alternative<TapLine::Yaml>(line.what);
}

}  // namespace

TapStream::Taken TapStream::take(std::string_view line) {
  if (yaml_indent_ && take_yaml(line)) return {};
  const auto parsed = parse_tap_line(line);
  if (!parsed) return {.ended = take_told(), .is_tap = false};
  Taken taken;
  if (!is_note(*parsed)) taken.ended = take_told();
  take(*parsed);
  if (is_whole(*parsed) || is_kernels_)
    std::ranges::move(take_told(), std::back_inserter(taken.ended));
  return taken;
}

/// Those of a subtest wait for its result.
std::vector<TapTest> TapStream::take_told() {
  return levels_.size() == 1 ? std::exchange(levels_.front().ended, {}) : std::vector<TapTest>();
}

std::vector<TapTest> TapStream::end() {
  if (auto rest = enter(0))
    std::ranges::move(rest->ended, std::back_inserter(levels_.front().ended));
  return take_told();
}

void TapStream::take(const TapLine& line) {
  if (const auto* const result = std::get_if<TapLine::Result>(&line.what)) {
    end_test(*result, enter(line.indent));
  } else if (const auto* const plan = std::get_if<TapLine::Plan>(&line.what)) {
    if (line.indent > levels_.back().indent) (void)enter(line.indent);
    const auto level = std::ranges::find(levels_, line.indent, &Level::indent);
    if (level != levels_.end()) level->plan = plan->tests;
    if (plan->skip && levels_.size() == 1) skip_all_ = plan->skip;
  } else if (const auto* const bail = std::get_if<TapLine::BailOut>(&line.what)) {
    bail_out_ = bail->reason;
  } else if (const auto* const yaml = std::get_if<TapLine::Yaml>(&line.what)) {
    if (yaml->begins) yaml_indent_ = line.indent;
  } else if (const auto* const comment = std::get_if<TapLine::Comment>(&line.what)) {
    note(comment->text);
  } else if (const auto* const version = std::get_if<TapLine::Version>(&line.what)) {
    is_kernels_ |= version->is_kernels;
  }
}

/// Makes the level with this indent the innermost one. Returns the subtest that has ended by that,
/// of which the next result of this level tells.
std::optional<TapStream::Level> TapStream::enter(std::size_t indent) {
  std::optional<Level> left;
  while (levels_.size() > 1 && levels_.back().indent > indent) {
    // A level that no result tells of: what is in it counts as part of the one around it.
    if (left) std::ranges::move(left->ended, std::back_inserter(levels_.back().ended));
    left = std::move(levels_.back());
    levels_.pop_back();
  }
  if (indent > levels_.back().indent) levels_.push_back({.indent = indent});
  return left;
}

void TapStream::end_test(const TapLine::Result& result, std::optional<Level> subtest) {
  Level& level = levels_.back();
  ++level.tests;
  const std::string name = !result.description.empty() ? result.description
                           : !result.number.empty()    ? result.number
                                                       : std::to_string(level.tests);
  if (subtest) {
    for (TapTest& inner : subtest->ended) {
      inner.name = name + " / " + inner.name;
      level.ended.push_back(std::move(inner));
    }
  }
  level.ended.push_back({.name = name, .status = status_of(result)});
  TapTest& test = level.ended.back();
  if (!result.reason.empty()) test.attachments.push_back({"reason", result.reason});
  if (test.status == Status::kFail && !result.directive.empty()) add_note(test, result.directive);
  if (subtest && subtest->plan && *subtest->plan != subtest->tests)
    add_note(test, wrong_count(*subtest->plan, subtest->tests));
  if (!notes_.empty()) {
    notes_.pop_back();
    add_note(test, std::exchange(notes_, ""));
  }
}

Status TapStream::status_of(const TapLine::Result& result) {
  if (result.directive == "SKIP") return Status::kSkip;
  // That it passes before its time is good news in TAP, and no failure.
  if (result.directive == "TODO") return result.ok ? Status::kSuccess : Status::kExpectedFailure;
  if (result.directive == "XFAIL") return Status::kExpectedFailure;
  if (result.ok && result.directive.empty()) return Status::kSuccess;
  has_failed_ = true;
  return Status::kFail;
}

/// False if the line is outside of the block, which nothing has ended.
bool TapStream::take_yaml(std::string_view line) {
  const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
  const std::string_view text = line.substr(indent);
  if (text == "..." || (indent < *yaml_indent_ && !text.empty())) {
    yaml_indent_.reset();
    return text == "...";
  }
  note(line.substr(std::min(indent, *yaml_indent_)));
  return true;
}

void TapStream::note(std::string_view text) {
  std::vector<TapTest>& ended = levels_.back().ended;
  if (!is_kernels_ && !ended.empty()) return add_note(ended.back(), text);
  notes_.append(text).append("\n");
}

std::optional<std::string> TapStream::fault() const {
  if (bail_out_) return fmt::format("Bail out! {}", *bail_out_);
  const Level& top = levels_.front();
  if (!top.plan) return "there is no plan (1..N): tests may be missing";
  if (*top.plan == top.tests) return std::nullopt;
  return wrong_count(*top.plan, top.tests);
}

}  // namespace subunit::adapter
