#pragma once

#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/rpc/message.h"
#include "proxy/client/options.h"

namespace proxy {

/// Which tests to list or run.
class Selection {
 public:
  /// Reads the list file and compiles the expressions (ECMAScript syntax, found anywhere in the
  /// id). An Error names the file or the expression.
  [[nodiscard]] static subunit::Result<Selection> from(const RunOptions& options);

  /// The ids that were named, in the order given; nothing if none were.
  [[nodiscard]] const subunit::TestIds& named() const { return named_; }

  /// True if ids must be known before it is clear which of them are meant.
  [[nodiscard]] bool filters() const { return !expressions_.empty(); }
  [[nodiscard]] bool matches(std::string_view id) const;

 private:
  subunit::TestIds named_;
  std::vector<std::regex> expressions_;
};

}  // namespace proxy
