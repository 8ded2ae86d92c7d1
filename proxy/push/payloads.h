#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/push/bootstrap.h"
#include "proxy/sync/local_tree.h"

namespace proxy {

/// What `--push` was asked to bring.
struct PushOptions {
  bool once = false;                ///< leave nothing behind
  std::optional<std::string> from;  ///< folder of the programs
  std::optional<TreeOptions> tree;  ///< files that are to be there
  std::vector<std::string> serve;   ///< arguments for `serve`, before those of the channel
};

/// Programs for test machines, as files `serve-MACHINE` in one folder: that of the options, or else
/// the first of `lib/subunit-proxy` beside this program's folder, and that folder itself, that has
/// any. An Error names the folders.
class Payloads {
 public:
  /// `with_python`: each has the Python package within, as an archive at its end, which Python
  /// finds there.
  [[nodiscard]] static subunit::Result<Payloads> find(const PushOptions& options, bool with_python);

  [[nodiscard]] const std::vector<subunit::push::Payload>& all() const { return all_; }

  /// The program itself. An Error if it has changed since find(), or cannot be read.
  [[nodiscard]] subunit::Result<std::string> read(const subunit::push::Payload& payload) const;

 private:
  [[nodiscard]] subunit::Result<std::string> content(std::string_view machine) const;

  std::string folder_;
  bool with_python_ = false;
  std::vector<subunit::push::Payload> all_;
};

}  // namespace proxy
