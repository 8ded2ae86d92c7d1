#include "common/adapter/tap/tap.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "common/adapter/lines.h"
#include "common/adapter/tap/tap_stream.h"

namespace subunit::adapter {
namespace {

// Of failures that are of no test.
constexpr std::string_view kPlan = "TAP plan";
constexpr std::string_view kExitStatus = "exit status";

/// Tells tests with one description apart.
class Names {
 public:
  std::string unique(const std::string& name) {
    const std::size_t times = ++times_[name];
    return times == 1 ? name : fmt::format("{} #{}", name, times);
  }

 private:
  std::map<std::string, std::size_t> times_;
};

class TapReader : public ResultReader {
 public:
  /// `is_listed`: of a test that was not asked for, that it is another one's business.
  TapReader(std::span<const std::string> ids, std::function<bool(const std::string&)> is_listed)
      : expected_(ids.begin(), ids.end()),
        asked_(ids.begin(), ids.end()),
        is_listed_(std::move(is_listed)) {
    start_next();
  }

  void receive(std::string_view bytes) override {
    lines_.add(bytes, [this](std::string_view line) { take(line); });
  }

  void end(const Remains& remains) override {
    if (!lines_.rest().empty()) lines_.add("\n", [this](std::string_view line) { take(line); });
    end_tests(stream_.end());
    if (const auto& reason = stream_.skip_all()) {
      for (const std::string& id : expected_)
        end_test({.name = id, .status = Status::kSkip, .attachments = {{"reason", *reason}}});
    }
    // A script that was killed in a test has another reason to keep no plan.
    if (!remains.exit && !asked_.empty()) return;
    if (const auto fault = stream_.fault(); fault && (remains.clean || stream_.is_tap()))
      fail(kPlan, *fault);
    else if (!remains.clean && !stream_.has_failed())
      fail(kExitStatus, "no test has failed, but the script " + remains.ending);
  }

 private:
  void take(std::string_view line) {
    auto taken = stream_.take(line);
    end_tests(std::move(taken.ended));
    if (!taken.is_tap) emit(Output{std::string(line) + '\n'});
  }

  void end_tests(std::vector<TapTest> tests) {
    for (TapTest& test : tests) {
      test.name = id_of_name(names_.unique(test.name));
      end_test(std::move(test));
    }
    if (!tests.empty()) start_next();
  }

  void fail(std::string_view id, const std::string& text) {
    emit(TestEnded{std::string(id), Status::kFail, {{"failure", text + '\n'}}});
  }

  void end_test(TapTest test) {
    if (asked_.erase(test.name) == 0) {
      // One that nobody can know of. Of the listed ones others are told elsewhere.
      if (!is_listed_(test.name))
        emit(TestEnded{std::move(test.name), test.status, std::move(test.attachments)});
      return;
    }
    if (started_.insert(test.name).second) emit(TestStarted{test.name});
    emit(TestEnded{std::move(test.name), test.status, std::move(test.attachments)});
  }

  /// The first that has not ended.
  void start_next() {
    while (!expected_.empty() && !asked_.contains(expected_.front())) expected_.pop_front();
    if (expected_.empty() || !started_.insert(expected_.front()).second) return;
    emit(TestStarted{expected_.front()});
  }

  Lines lines_;
  TapStream stream_;
  Names names_;
  std::deque<std::string> expected_;          // in the order of the list
  std::set<std::string, std::less<>> asked_;  // and not ended
  std::set<std::string, std::less<>> started_;
  std::function<bool(const std::string&)> is_listed_;
};

}  // namespace

Invocation TapAdapter::list(const Outlets& outlets) const {
  Invocation invocation{.arguments = {}, .settings = {{"SUBUNIT_TAP", outlets.events}}};
  if (!as_a_whole_) invocation.arguments.emplace_back("--list");
  return invocation;
}

bool TapAdapter::lists_otherwise() {
  return !std::exchange(as_a_whole_, true);
}

Result<std::vector<ListedTest>> TapAdapter::read_list(const Remains& remains) {
  TapStream stream;
  Names names;
  std::vector<ListedTest> tests;
  std::vector<ListedTest> printed;
  Lines lines;
  const std::string& text = remains.events.empty() ? remains.output : remains.events;
  lines.add(text + '\n', [&](std::string_view line) {
    const auto taken = stream.take(line);
    for (const TapTest& test : taken.ended) tests.push_back({names.unique(test.name)});
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!taken.is_tap && !line.empty()) printed.push_back({std::string(line)});
  });
  for (const TapTest& test : stream.end()) tests.push_back({names.unique(test.name)});
  if (stream.is_tap()) {
    // It has run its tests, whatever it was asked for.
    as_a_whole_ = true;
    const auto fault = stream.fault();
    if (tests.empty() && fault) return error("the script has run no test: {}", *fault);
    if (tests.empty() && !remains.clean)
      return error("the script has run no test, and it {}", remains.ending);
    return tests;
  }
  if (as_a_whole_ || !remains.clean || printed.empty())
    return error("the script wrote no TAP{}",
                 as_a_whole_ ? "" : ", and it printed no list of its tests with --list");
  return printed;
}

Invocation TapAdapter::run(std::span<const std::string> ids, const Outlets& outlets) const {
  Invocation invocation{.arguments = {}, .settings = {{"SUBUNIT_TAP", outlets.events}}};
  if (as_a_whole_) return invocation;
  for (const std::string& id : ids) invocation.arguments.emplace_back(name_of(id));
  return invocation;
}

std::unique_ptr<ResultReader> TapAdapter::reader(std::span<const std::string> ids) const {
  std::vector<std::string> in_order(ids.begin(), ids.end());
  if (as_a_whole_)
    std::ranges::sort(in_order, {}, [this](const std::string& id) { return number(id); });
  return std::make_unique<TapReader>(in_order, [this](const std::string& id) { return knows(id); });
}

}  // namespace subunit::adapter
