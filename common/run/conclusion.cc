#include "common/run/conclusion.h"

#include <fmt/core.h>

#include "common/base/text.h"
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

void Conclusion::close(Results& results, const Options& options, Time now) const {
  fail_missing(results, now);
  if (!is_complete() || options.list) return;
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

void Conclusion::fail_missing(Results& results, Time now) const {
  const std::string why = problem_.empty() ? "the run ended" : problem_;
  const auto running = results.ledger().in_progress();
  for (const std::string& id : running)
    results.end(id, why + " while this test was in progress\n", std::nullopt, now);
  // There may be as many of these as tests, so each says it in a line.
  const std::string reason = fmt::format("not run: {}\n", why.substr(0, kMaxReason));
  for (const std::string_view id : results.ledger().missing())
    results.end(id, reason, std::nullopt, now);
}

int Conclusion::exit_status(const verdict::Ledger& ledger, Verdict verdict) const {
  if (!is_complete() || output_lost_) return 3;
  if (nothing_matched_) return 2;
  if (verdict == Verdict::kOfStream) return 0;
  return ledger.failures() > 0 ? 1 : 0;
}

}  // namespace subunit::run
