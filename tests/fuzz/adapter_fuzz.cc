// What must hold for what test frameworks report, whatever comes. The first byte of the input
// chooses the framework, the second how large the pieces are and how the program has ended.
//
//   1. A test that was asked for starts before it ends, and once; nothing else starts.
//   2. It ends once, unless GoogleTest's file takes back that it was skipped: then it fails.
//   3. Where the pieces are cut makes no difference. (What GoogleTest prints comes at another
//   time.)
//   4. Whatever can be read as a list can be asked for.

#include <cstdint>
#include <map>
#include <set>

#include "common/adapter/adapter.h"
#include "tests/fuzz/recipe.h"

using namespace subunit;
using namespace subunit::adapter;

namespace {

constexpr const char* kFrameworks[] = {"gtest", "doctest", "catch2", "tap"};

/// Lists that programs could have written, so that there are tests to ask for.
Remains usual_list(std::string_view framework) {
  if (framework == "gtest")
    return {.file = R"({"testsuites":[{"name":"S","testsuite":[{"name":"A"},{"name":"B"}]}]})",
            .exit = 0,
            .clean = true};
  if (framework == "doctest")
    return {.events = R"(<doctest><TestCase name="a" filename="f" line="1"/>
                         <TestCase name="b" filename="f" line="2"/></doctest>)",
            .exit = 0,
            .clean = true};
  if (framework == "catch2") return {.output = "a\t@f:1\nb\t@f:2\n", .exit = 2};
  return {.output = "ok - a\nok - b\n1..2\n", .exit = 0, .clean = true};
}

std::vector<Event> read(const Adapter& adapter, const std::vector<std::string>& ids,
                        std::string_view bytes, std::size_t most, const Remains& remains) {
  const auto reader = adapter.reader(ids);
  std::vector<Event> events;
  for (std::size_t at = 0; at < bytes.size(); at += most) {
    const std::string_view piece = bytes.substr(at, most);
    if (adapter.source() == EventSource::kSocket && at % 3 == 0) reader->observe_stdout(piece);
    reader->receive(piece);
    while (auto event = reader->next_event()) events.push_back(std::move(*event));
  }
  reader->end(remains);
  while (auto event = reader->next_event()) events.push_back(std::move(*event));
  return events;
}

void check(const std::vector<Event>& events, const std::vector<std::string>& ids, bool is_gtest) {
  const std::set<std::string> asked(ids.begin(), ids.end());
  std::set<std::string> started;
  std::map<std::string, int> ended;
  for (const Event& event : events) {
    if (const auto* const start = std::get_if<TestStarted>(&event)) {
      MUST(asked.contains(start->id) && started.insert(start->id).second);
    } else if (const auto* const end = std::get_if<TestEnded>(&event)) {
      MUST(is_final(end->status));
      const int times = ++ended[end->id];
      if (!asked.contains(end->id)) continue;
      MUST(started.contains(end->id));
      MUST(times == 1 || (is_gtest && end->status == Status::kFail));
    }
  }
}

std::string summary(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) {
    if (const auto* const start = std::get_if<TestStarted>(&event)) {
      text += "\n+" + start->id;
    } else if (const auto* const end = std::get_if<TestEnded>(&event)) {
      text += "\n-" + end->id + std::to_string(static_cast<int>(end->status));
      for (const Attachment& each : end->attachments) text += each.name + each.text;
    } else {
      text += std::get<Output>(event).bytes;
    }
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view framework = kFrameworks[data[0] % 4];
  const bool is_clean = data[1] & 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto adapter = Adapter::create(framework, {});
  MUST(adapter && (*adapter)->learn(usual_list(framework)));
  std::vector<std::string> ids;
  for (const ListedTest& test : (*adapter)->tests()) ids.push_back(test.id);
  Remains remains{.exit = is_clean ? 0 : 1, .clean = is_clean};
  if (data[1] & 2) remains.file = std::string(bytes);
  const auto whole = read(**adapter, ids, bytes, bytes.size() + 1, remains);
  check(whole, ids, framework == "gtest");
  const auto in_pieces = read(**adapter, ids, bytes, 1 + data[1] % 16, remains);
  check(in_pieces, ids, framework == "gtest");
  if (framework != "gtest") MUST(summary(whole) == summary(in_pieces));

  Remains listed{.file = std::string(bytes), .events = std::string(bytes)};
  listed.output = bytes;
  listed.exit = data[1];
  listed.clean = is_clean;
  if (!(*adapter)->learn(listed)) return 0;
  for (const ListedTest& test : (*adapter)->tests()) {
    const std::span<const std::string> one(&test.id, 1);
    MUST((*adapter)->knows(test.id) && (*adapter)->together(one) == 1);
    (void)(*adapter)->run(one, {.events = "events", .file = "file"});
  }
  return 0;
}
