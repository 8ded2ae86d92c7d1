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
  const std::string_view all = as_text(kept_);
  const std::size_t begin = all.find_first_not_of("\r\n");
  if (begin == std::string_view::npos)
    return "the channel printed nothing (what it writes to stderr is shown at once)";
  const std::string_view shown = all.substr(begin, all.find_last_not_of("\r\n") + 1 - begin);
  return fmt::format("the channel printed: \"{}\"", escaped(shown, kMaxShown));
}

Buffer EarlyNoise::take() {
  if (!is_cut() && !kept_.empty() && kept_.back() == '\n') kept_.pop_back();
  size_ = 0;
  return std::exchange(kept_, {});
}

}  // namespace subunit::run
