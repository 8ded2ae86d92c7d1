#include "common/adapter/adapter.h"

#include "common/adapter/catch2.h"
#include "common/adapter/doctest.h"
#include "common/adapter/gtest.h"
#include "common/adapter/tap.h"

namespace subunit::adapter {

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
  if (name == "catch2") return std::make_unique<CatchAdapter>();
  if (name == "tap") return std::make_unique<TapAdapter>();
  return error("there is no adapter \"{}\", only gtest, doctest, catch2 and tap", name);
}

Result<> Adapter::learn(const Remains& remains) {
  auto tests = read_list(remains);
  if (!tests) return tl::unexpected(tests.error());
  tests_ = std::move(*tests);
  numbers_.clear();
  for (std::size_t i = 0; i < tests_.size(); ++i) numbers_.emplace(tests_[i].id, i);
  return {};
}

}  // namespace subunit::adapter
