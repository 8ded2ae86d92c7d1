#include "common/adapter/adapter.h"

#include "common/adapter/gtest/gtest.h"
#include "common/adapter/tap/tap.h"
#include "common/adapter/xml/catch2.h"
#include "common/adapter/xml/doctest.h"
#include "common/base/text.h"

namespace subunit::adapter {
namespace {

// Of the ids in one command line: the kernel takes no longer word than 128 KiB (execve(2)).
constexpr std::size_t kMaxArgumentBytes = 48 << 10;

}  // namespace

std::optional<Event> ResultReader::next_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Result<std::unique_ptr<Adapter>> Adapter::create(std::string_view name,
                                                 std::span<const std::string> command) {
  if (name == "gtest") return std::make_unique<GtestAdapter>(command);
  if (name == "doctest") return std::make_unique<DoctestAdapter>(command);
  if (name == "catch2") return std::make_unique<CatchAdapter>(command);
  if (name == "tap") return std::make_unique<TapAdapter>();
  return error("there is no adapter \"{}\", only gtest, doctest, catch2 and tap", name);
}

std::string id_of_name(std::string_view name) {
  return is_text(as_bytes(name)) ? std::string(name) : escaped(name, name.size());
}

Result<> Adapter::learn(const Remains& remains) {
  if (remains.is_cut) return error("its output is longer than can be read as a list of tests");
  auto tests = read_list(remains);
  if (!tests) return tl::unexpected(tests.error());
  tests_ = std::move(*tests);
  names_.clear();
  numbers_.clear();
  for (ListedTest& test : tests_) {
    names_.push_back(test.id);
    test.id = id_of_name(test.id);
  }
  for (std::size_t i = 0; i < tests_.size(); ++i) numbers_.emplace(tests_[i].id, i);
  return {};
}

std::string_view Adapter::name_of(std::string_view id) const {
  const auto found = numbers_.find(id);
  return found == numbers_.end() ? id : names_[found->second];
}

std::size_t Adapter::together(std::span<const std::string> ids) const {
  std::size_t count = 1;
  for (std::size_t bytes = ids.front().size(); count < ids.size(); ++count) {
    bytes += ids[count].size();
    if (bytes > kMaxArgumentBytes) break;
  }
  return count;
}

}  // namespace subunit::adapter
