#pragma once

#include <string>

#include "common/base/message_limit.h"
#include "proxy/io/handle.h"
#include "proxy/posix/log.h"

namespace proxy {

/// Warnings of one kind, which others can cause as often as they like: of those within a second,
/// the last one is shown, with the number of the others.
class LimitedWarning {
 public:
  LimitedWarning(uv_loop_t& loop, const Log& log);
  ~LimitedWarning() { flush(); }

  void add(std::string text);

  /// No more of them for now: what was held back is shown.
  void flush();

 private:
  void show(unsigned count);

  const Log& log_;
  subunit::MessageLimit limit_;
  std::string last_;
  Timer timer_;
};

}  // namespace proxy
