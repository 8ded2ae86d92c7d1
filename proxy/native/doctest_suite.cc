#include "proxy/native/doctest_suite.h"

#include <subunit-proxy/doctest.h>

#include <algorithm>

#include "common/adapter/xml/doctest_ids.h"
#include "common/base/text.h"
#include "proxy/native/doctest_events.h"
#include "proxy/native/program.h"

namespace proxy::native {

using doctest::TestCaseData;
using subunit::Status;

namespace {

// Test cases in one go of doctest: between two, a Run that is cancelled can stop.
constexpr std::size_t kMostAtOnce = 64;

std::vector<const TestCaseData*> query(doctest::Context& context, bool with_skipped) {
  std::vector<const TestCaseData*> found;
  DoctestEvents::set_target({.listed = &found, .with_skipped = with_skipped});
  context.run();
  return found;
}

}  // namespace

DoctestSuite::DoctestSuite(doctest::Context& context) : context_(context) {
  doctest::registerReporter<DoctestEvents>(DoctestEvents::kName, 0, true);
  context.setOption("reporters", DoctestEvents::kName);
  const auto run_by_doctest = query(context, false);
  const auto all = query(context, true);
  std::vector<subunit::adapter::DoctestName> names;
  names.reserve(all.size());
  for (const TestCaseData* test : all)
    names.push_back({test->m_file.c_str(), test->m_line, test->m_name});
  std::vector<std::string> ids = subunit::adapter::doctest_ids(names);
  for (std::size_t place = 0; place < all.size(); ++place) {
    const std::string suite = all[place]->m_test_suite;
    const bool is_tag = !suite.empty() && subunit::is_text(subunit::as_bytes(suite));
    tests_.push_back({.id = std::move(ids[place]),
                      .tags = is_tag ? std::vector{suite} : std::vector<std::string>{}});
    skipped_.push_back(std::ranges::find(run_by_doctest, all[place]) == run_by_doctest.end());
    places_.emplace(all[place], place);
  }
}

void DoctestSuite::run(const Places& which, Reporter& reporter) {
  for (std::size_t begin = 0; begin < which.size() && !reporter.stopped();) {
    const std::size_t first = which[begin];
    std::size_t end = begin + 1;
    if (skipped_[first]) {
      const std::string& id = tests_[first].id;
      reporter.started(id);
      reporter.attach(id, "reason", "decorated with skip()");
      reporter.ended(id, Status::kSkip);
    } else {
      while (end < which.size() && end - begin < kMostAtOnce && !skipped_[which[end]] &&
             which[end] == which[end - 1] + 1)
        ++end;
      run_range(first, which[end - 1], reporter);
    }
    begin = end;
  }
}

/// Both limits included.
void DoctestSuite::run_range(std::size_t first, std::size_t last, Reporter& reporter) {
  DoctestEvents::set_target({.first = static_cast<unsigned>(first + 1),
                             .last = static_cast<unsigned>(last + 1),
                             .reporter = &reporter,
                             .id_of = [this](const TestCaseData& test) -> const std::string& {
                               return tests_[places_.at(&test)].id;
                             }});
  context_.run();
}

}  // namespace proxy::native

namespace subunit_proxy {

int run_doctest(doctest::Context& context, int argc, char** argv) {
  const auto options = proxy::native::Options::parse(argc, argv);
  if (!options.serve) return context.run();
  proxy::native::DoctestSuite suite(context);
  return proxy::native::serve(suite, options);
}

int run_doctest(int argc, char** argv) {
  doctest::Context context(argc, argv);
  return run_doctest(context, argc, argv);
}

}  // namespace subunit_proxy
