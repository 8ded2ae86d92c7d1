#include "common/run/conclusion.h"

#include <fmt/core.h>

#include "common/base/text.h"
#include "common/run/tags.h"
#include "common/verdict/end_of_test.h"

namespace subunit::run {

namespace {

constexpr std::size_t kMaxReason = 200;
constexpr std::size_t kMaxNamed = 5;  // ids in a warning

void warn_of(const verdict::Ledger::Ids& ids, std::string_view what, Results& results, Time now) {
  if (ids.empty()) return;
  const std::string text =
      fmt::format("{} {}: {}", ids.size() == 1 ? "1 test" : fmt::format("{} tests", ids.size()),
                  what, some_of(ids));
  results.happened({.kind = Incident::Kind::kTrouble, .text = text}, now);
}

}  // namespace

std::string some_of(const verdict::Ledger::Ids& ids) {
  std::string text;
  std::size_t named = 0;
  for (const std::string_view id : ids) {
    if (named++ == kMaxNamed) return text + ", ...";
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", escaped(id));
  }
  return text;
}

void Conclusion::close(Results& results, const Options& options, bool asks_for_run,
                       const std::vector<Unfinished>& unfinished, Time now) const {
  end_missing(results, unfinished, now);
  if (options.list) return;
  if (is_complete()) warn_of_surprises(results, now);
  if (is_complete() && !asks_for_run) return;
  const std::string reason = is_complete()      ? "the run was completed\n"
                             : problem_.empty() ? "the run could not be completed\n"
                                                : problem_ + "\n";
  results.end({.test_id = kRunTest,
               .reason = reason,
               .status = is_complete() ? Status::kSuccess : Status::kFail},
              std::nullopt, now);
}

/// Tests that ran and were not asked for, or twice.
void Conclusion::warn_of_surprises(Results& results, Time now) {
  const verdict::Ledger& ledger = results.ledger();
  auto unexpected = ledger.unexpected();
  std::erase_if(unexpected, verdict::is_fixture);  // nobody asks for these
  warn_of(ledger.repeated(), "ended more than once", results, now);
  warn_of(unexpected, "ran without being requested", results, now);
  if (ledger.forgotten() > 0) {
    const std::string text =
        fmt::format("{} more results are of tests that were not requested", ledger.forgotten());
    results.happened({.kind = Incident::Kind::kTrouble, .text = text}, now);
  }
}

void Conclusion::end_missing(Results& results, const std::vector<Unfinished>& unfinished,
                             Time now) const {
  const bool as_wanted = is_complete() && !stopped_.empty();
  const Status status = as_wanted ? Status::kSkip : Status::kFail;
  const std::string why = as_wanted ? stopped_ : problem_.empty() ? "the run ended" : problem_;
  const std::string broken_off = why + " while this test was in progress\n";
  // There may be as many of these as tests, so each says it in a line.
  const std::string not_run = fmt::format("not run: {}\n", why.substr(0, kMaxReason));
  for (const Unfinished& test : unfinished)
    results.end({.test_id = test.test_id,
                 .reason = test.running ? broken_off : not_run,
                 .status = status,
                 .tag = as_wanted || !test.running ? kNotRunTag : "",
                 .site = test.site},
                test.running, now);
  const auto running = results.ledger().in_progress();
  for (const std::string& id : running)
    results.end(
        {.test_id = id, .reason = broken_off, .status = status, .tag = as_wanted ? kNotRunTag : ""},
        std::nullopt, now);
  for (const std::string_view id : results.ledger().missing())
    results.end({.test_id = id, .reason = not_run, .status = status, .tag = kNotRunTag},
                std::nullopt, now);
}

int Conclusion::exit_status(const Results& results, const Options& options) const {
  if (!is_complete() || output_lost_) return 3;
  if (options.verdict == Verdict::kOfStream) return 0;
  if (nothing_to_run_) return options.allow_empty ? 0 : 2;
  const bool flaky_counts = options.flaky_fails && results.tally().flaky > 0;
  return results.ledger().failures() > 0 || flaky_counts ? 1 : 0;
}

}  // namespace subunit::run
