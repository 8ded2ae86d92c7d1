#include "common/report/status_line.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace subunit::report {

using std::chrono::seconds;

namespace {

constexpr auto kShownAge = seconds(10);  // a test that is done sooner is none to wait for
// Columns in which the end of an id still says something, with number and time around it.
constexpr std::size_t kMinTest = 20;

/// m:ss, or h:mm:ss.
std::string clock_time(Time time) {
  const auto all = std::chrono::duration_cast<seconds>(time).count();
  if (all < 3600) return fmt::format("{}:{:02}", all / 60, all % 60);
  return fmt::format("{}:{:02}:{:02}", all / 3600, all / 60 % 60, all % 60);
}

/// A line that grows while there is room.
class Line {
 public:
  explicit Line(std::size_t columns) : room_(columns) {}

  [[nodiscard]] std::size_t room() const { return room_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

  void add(std::string_view text, std::size_t columns) {
    text_ += text;
    room_ -= columns;
  }
  /// `ascii`: takes as many columns as it has bytes.
  bool add_if_it_fits(std::string_view ascii) {
    if (ascii.size() > room_) return false;
    add(ascii, ascii.size());
    return true;
  }

 private:
  std::string text_;
  std::size_t room_;
};

std::string count(const Progress& progress) {
  if (progress.expected > 0) return fmt::format("{}/{}", progress.ended, progress.expected);
  return fmt::format("{} test{}", progress.ended, progress.ended == 1 ? "" : "s");
}

/// False if there was no room for all of it.
bool add_numbers(const Progress& progress, const Style& style, Line& line) {
  if (!line.add_if_it_fits(count(progress))) {
    if (progress.expected > 0)
      line.add_if_it_fits(fmt::format("{}%", progress.ended * 100 / progress.expected));
    return false;
  }
  const std::string failed = fmt::format("{} failed", progress.failed);
  if (line.room() < 2 + failed.size()) return false;
  line.add(", " + (progress.failed > 0 ? style(Color::kRed, failed) : failed), 2 + failed.size());
  if (!line.add_if_it_fits(", " + clock_time(progress.elapsed))) return false;
  return !progress.left ||
         line.add_if_it_fits(fmt::format(", {} left", clock_time(*progress.left)));
}

using Tests = std::vector<const run::RunningTest*>;

/// In the order of servers; where there are more than `most`, those that have taken longest.
Tests select(const run::RunningTests& running, std::size_t most) {
  Tests tests;
  for (const auto& [_, of_worker] : running.by_worker())
    for (const run::RunningTest& test : of_worker) tests.push_back(&test);
  if (tests.size() <= most) return tests;
  Tests oldest = tests;
  std::ranges::stable_sort(oldest, {}, &run::RunningTest::since);
  oldest.resize(most);
  const std::set<const run::RunningTest*> chosen(oldest.begin(), oldest.end());
  std::erase_if(tests, [&chosen](const run::RunningTest* test) { return !chosen.contains(test); });
  return tests;
}

void add_tests(const run::RunningTests& running, Time now, const TextCells& cells, Line& line) {
  std::size_t count = 0;
  for (const auto& [_, tests] : running.by_worker()) count += tests.size();
  std::size_t room = line.room();
  const bool all = count <= room / kMinTest;
  const std::size_t others = fmt::format(" +{}", count).size();
  if (!all) room -= std::min(room, others);

  const Tests shown = select(running, room / kMinTest);
  if (shown.empty()) return;
  const bool numbered = running.by_worker().size() > 1;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const run::RunningTest& test = *shown[i];
    const auto age = std::chrono::duration_cast<seconds>(now - test.since);
    const std::string before = numbered && test.worker ? fmt::format("  #{} ", *test.worker) : "  ";
    const std::string after = age >= kShownAge ? fmt::format(" {} s", age.count()) : "";
    const std::size_t around = before.size() + after.size();
    const std::size_t share = room / (shown.size() - i);  // what one does not need the next may use
    if (around > share) continue;
    const TextCells::Fitted id = cells.fit_end(test.id, share - around);
    line.add(fmt::format("{}{}{}", before, id.text, after), around + id.columns);
    room -= around + id.columns;
  }
  if (!all) line.add_if_it_fits(fmt::format(" +{}", count - shown.size()));
}

}  // namespace

std::string status_line(const Progress& progress, const run::RunningTests& running,
                        std::size_t columns, const TextCells& cells, const Style& style) {
  Line line(columns);
  if (progress.may_be_asking) return "";
  if (progress.expected == 0 && progress.ended == 0 && running.by_worker().empty()) {
    line.add_if_it_fits(fmt::format("{}, {}", progress.being_set_up ? "setup" : "waiting",
                                    clock_time(progress.elapsed)));
  } else if (add_numbers(progress, style, line)) {
    add_tests(running, progress.now, cells, line);
  }
  return line.take();
}

}  // namespace subunit::report
