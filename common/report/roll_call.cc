#include "common/report/roll_call.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/run/tags.h"

namespace subunit::report {

namespace {

constexpr std::string_view kNames[] = {"failed", "crashed", "timed out", "flaky", "not run"};

std::string in_seconds(Time time) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count());
}

}  // namespace

void RollCall::attempted(const run::Attempt& attempt) {
  attempts_[std::string(attempt.test_id)] = attempt.number;
}

std::optional<RollCall::Kind> RollCall::kind_of(const Packet& packet, bool tried) const {
  if (run::has_tag(packet, run::kNotRunTag)) return Kind::kNotRun;
  if (!is_failure(packet.status))
    return tried && packet.status != Status::kSkip ? std::optional(Kind::kFlaky) : std::nullopt;
  if (run::has_tag(packet, run::kCrashedTag)) return Kind::kCrashed;
  if (run::has_tag(packet, run::kTimedOutTag)) return Kind::kTimedOut;
  return Kind::kFailed;
}

void RollCall::ended(const Packet& packet, std::string_view where, std::optional<Time> took) {
  const auto tried = attempts_.find(*packet.test_id);
  // Without a server, it is the end of a test that was to run again, and did not.
  const auto entry = [&] {
    return Entry{std::string(*packet.test_id), std::string(where), took,
                 tried == attempts_.end() ? 1 : tried->second + (where.empty() ? 0 : 1)};
  };
  if (const auto kind = kind_of(packet, tried != attempts_.end())) {
    List& list = lists_[*kind];
    list.named.size() < kMaxNamed ? list.named.push_back(entry()) : void(++list.more);
  }
  if (!took || *took < kWorthTelling) return;
  const auto place =
      std::ranges::find_if(slowest_, [&took](const Entry& other) { return *took > *other.took; });
  if (place == slowest_.end() && slowest_.size() == kSlowest) return;
  slowest_.insert(place, entry());
  if (slowest_.size() > kSlowest) slowest_.pop_back();
}

std::string RollCall::text(const TextCells& cells, const Style& style) const {
  std::string text;
  std::size_t width = 0;
  for (const auto& [kind, list] : lists_)
    for (const Entry& entry : list.named)
      if (kind != Kind::kNotRun) width = std::max(width, cells.fit_end(entry.id, kMaxId).columns);
  for (const auto& [kind, list] : lists_) {
    const bool is_mild = kind == Kind::kFlaky || kind == Kind::kNotRun;
    const std::string name = style(is_mild ? Color::kYellow : Color::kRed,
                                   fmt::format("{:9}", kNames[static_cast<std::size_t>(kind)]));
    const std::size_t all = list.named.size() + list.more;
    if (kind == Kind::kNotRun) {
      const auto id = cells.fit_end(list.named.front().id, kMaxId);
      text += all == 1 ? fmt::format("{}  {}\n", name, id.text)
                       : fmt::format("{}  {} tests: {}, ...\n", name, all, id.text);
      continue;
    }
    for (const Entry& entry : list.named) {
      const auto id = cells.fit_end(entry.id, kMaxId);
      text += fmt::format("{}  {}", name, id.text);
      const std::string took = entry.took ? in_seconds(*entry.took) : "";
      const std::string attempt =
          entry.attempts > 1 ? fmt::format("  attempt {}", entry.attempts) : "";
      if (!entry.where.empty() || !took.empty() || !attempt.empty())
        text +=
            fmt::format("{:{}}  {:9} {:>7}{}", "", width - id.columns, entry.where, took, attempt);
      text += "\n";
    }
    if (list.more > 0) text += fmt::format("{}  and {} more\n", name, list.more);
  }
  const std::string slowest = slowest_text(cells);
  return text + (text.empty() || slowest.empty() ? "" : "\n") + slowest;
}

/// Of one test alone everybody knows that it was the slowest.
std::string RollCall::slowest_text(const TextCells& cells) const {
  if (slowest_.size() < 2) return "";
  std::string text = "slowest:";
  for (const Entry& entry : slowest_)
    text += fmt::format("{} {} {}", &entry == slowest_.data() ? "" : ",", in_seconds(*entry.took),
                        cells.fit_end(entry.id, kMaxId).text);
  return text + "\n";
}

}  // namespace subunit::report
