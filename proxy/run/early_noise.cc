#include "proxy/run/early_noise.h"

#include <algorithm>

#include "common/base/escape.h"

namespace proxy {

namespace {

constexpr std::size_t kMaxShown = 4096;

}  // namespace

void EarlyNoise::add(subunit::Bytes bytes) {
  size_ += bytes.size();
  subunit::append(kept_, bytes.first(std::min(bytes.size(), kMaxKept - kept_.size())));
}

std::string EarlyNoise::text() const {
  if (kept_.empty()) return "the channel printed nothing (what it wrote to stderr stands above)";
  return fmt::format("the channel printed: \"{}\"", subunit::escaped(kept_, kMaxShown));
}

subunit::Buffer EarlyNoise::take(const Log& log) {
  if (size_ > kept_.size()) {
    log.warning("the channel printed {} bytes before the proxy said Ready; the first {} are kept",
                size_, kept_.size());
  } else if (!kept_.empty() && kept_.back() == '\n') {
    kept_.pop_back();
  }
  size_ = 0;
  return std::exchange(kept_, {});
}

}  // namespace proxy
