#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/regex.h"
#include "common/base/result.h"
#include "common/rpc/message.h"
#include "proxy/run/options.h"

namespace proxy {

/// Which tests to list or run.
class Selection {
 public:
  /// Reads the list file and compiles the expressions, found anywhere in the id. An Error
  /// names the file or the expression. `preset`: ids that something else than the
  /// options names.
  [[nodiscard]] static subunit::Result<Selection> from(
      const RunOptions& options, const subunit::rpc::TestIds& preset = std::nullopt);

  /// The ids that were named and match, in the order given, each once; nothing if none were named.
  [[nodiscard]] const subunit::rpc::TestIds& named() const { return named_; }

  /// True if the server's list has to be known before a run: nothing was named, or the list is what
  /// gives the names their order.
  [[nodiscard]] bool needs_list() const { return !named_ || (suite_order_ && named_->size() > 1); }

  /// What was named: in the order of `listed`, which the server has, if that is what orders it.
  /// Names that are not listed stand at the end.
  [[nodiscard]] std::vector<std::string> arranged(const std::vector<std::string>& listed) const;

  /// True if there is an expression that not every id matches.
  [[nodiscard]] bool filters() const { return !expressions_.empty(); }
  [[nodiscard]] bool matches(std::string_view id) const;

 private:
  subunit::rpc::TestIds named_;
  bool suite_order_ = false;
  std::vector<subunit::Regex> expressions_;
};

/// Each once, where it stands first.
[[nodiscard]] std::vector<std::string> unique(std::vector<std::string> ids);

}  // namespace proxy
