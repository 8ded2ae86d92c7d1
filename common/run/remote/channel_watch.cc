#include "common/run/remote/channel_watch.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/text.h"

namespace subunit::run {

namespace {

constexpr std::size_t kMaxShown = 4096;

}  // namespace

void EarlyNoise::add(Bytes bytes) {
  size_ += bytes.size();
  append(kept_, bytes.first(std::min(bytes.size(), kMaxKept - kept_.size())));
}

std::string EarlyNoise::text() const {
  if (kept_.empty()) return "the channel printed nothing (its stderr is shown above)";
  return fmt::format("the channel printed: \"{}\"", escaped(kept_, kMaxShown));
}

Buffer EarlyNoise::take() {
  if (!is_cut() && !kept_.empty() && kept_.back() == '\n') kept_.pop_back();
  size_ = 0;
  return std::exchange(kept_, {});
}

}  // namespace subunit::run
