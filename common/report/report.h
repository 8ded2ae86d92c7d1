#pragma once

#include <string_view>

#include "common/run/observer.h"

namespace subunit::report {

/// A report that is there as a whole once the run has ended: after finish(), its text is what
/// pending_output() returns, piece by piece, until that is empty.
class Report : public run::Observer {
 public:
  [[nodiscard]] virtual std::string_view pending_output() = 0;
  /// The piece has been taken.
  virtual void consume_output() = 0;
};

}  // namespace subunit::report
