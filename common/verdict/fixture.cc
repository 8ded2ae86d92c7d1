#include "common/verdict/fixture.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace subunit::verdict {
namespace {

/// What is before the last dot; nothing if there is none.
std::string_view parent(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return name.substr(0, dot == std::string_view::npos ? 0 : dot);
}

}  // namespace

bool is_fixture(std::string_view test_id) {
  constexpr std::array<std::string_view, 4> kBeginnings = {"setUpClass (", "tearDownClass (",
                                                           "setUpModule (", "tearDownModule ("};
  return test_id.ends_with(')') &&
         std::ranges::any_of(kBeginnings, [test_id](std::string_view beginning) {
           return test_id.starts_with(beginning);
         });
}

void Fixtures::record(const Packet& packet) {
  const bool tells = packet.status == Status::kFail || packet.status == Status::kSkip;
  if (tells && packet.test_id && is_fixture(*packet.test_id))
    outcomes_.insert_or_assign(std::string(*packet.test_id), packet.status);
}

std::optional<Fixtures::Outcome> Fixtures::outcome(std::string_view test_id) const {
  // Behind the method may be a scenario or attributes, with dots of their own.
  const std::string_view in_class = parent(test_id.substr(0, test_id.find_first_of("([")));
  for (const std::string& fixture : {fmt::format("setUpModule ({})", parent(in_class)),
                                     fmt::format("setUpClass ({})", in_class)}) {
    const auto found = outcomes_.find(fixture);
    if (found == outcomes_.end()) continue;
    const bool failed = found->second == Status::kFail;
    return Outcome{found->second, fmt::format("{} {}, so this test did not run\n", fixture,
                                              failed ? "failed" : "was skipped")};
  }
  return std::nullopt;
}

}  // namespace subunit::verdict
