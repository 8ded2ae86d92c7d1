#include "proxy/io/limited_warning.h"

namespace proxy {

LimitedWarning::LimitedWarning(uv_loop_t& loop, const Log& log)
    : log_(log), timer_(loop, [this] { show(limit_.tick(precise_now())); }) {}

void LimitedWarning::add(std::string text) {
  last_ = std::move(text);
  show(limit_.add(precise_now()));
  const auto deadline = limit_.next_deadline();
  if (deadline && !timer_.running()) timer_.start(*deadline - precise_now());
}

void LimitedWarning::flush() {
  timer_.stop();
  show(limit_.take_rest());
}

void LimitedWarning::show(unsigned count) {
  if (count == 1) log_.warning("{}", last_);
  if (count > 1) log_.warning("{} (and {} more within a second)", last_, count - 1);
}

}  // namespace proxy
