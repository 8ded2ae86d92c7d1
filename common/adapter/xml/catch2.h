#pragma once

#include "common/adapter/adapter.h"

namespace subunit::adapter {

/// Programs with Catch2 (2.13), as they are. They report in XML, which they write to a FIFO. A list
/// they write to stdout only, with the place of each test behind its name, which tells such lines
/// from others.
///
/// The id of a test is its name, and its tags are its tags. Tests that are hidden, as those with
/// the tag [.], are not listed, but run if they are asked for. With --nothrow Catch2 leaves out
/// what has the tag [!throws], if it is asked for by name: it is skipped.
class CatchAdapter : public Adapter {
 public:
  /// `command`: with what the program is started.
  explicit CatchAdapter(std::span<const std::string> command);

  [[nodiscard]] EventSource source() const override { return EventSource::kFifo; }
  [[nodiscard]] Invocation list(const Outlets& outlets) const override;
  /// Hidden ones can be asked for. Before there is a list it is not known which name has been
  /// escaped, nor what --nothrow may leave out.
  [[nodiscard]] bool knows(std::string_view id) const override {
    return !tests().empty() || !(leaves_out_throws_ || id.find("\\x") != std::string_view::npos);
  }
  [[nodiscard]] std::size_t together(std::span<const std::string> ids) const override;
  [[nodiscard]] Invocation run(std::span<const std::string> ids,
                               const Outlets& outlets) const override;
  [[nodiscard]] std::unique_ptr<ResultReader> reader(
      std::span<const std::string> ids) const override;

 protected:
  [[nodiscard]] Result<std::vector<ListedTest>> read_list(const Remains& remains) override;

 private:
  bool stops_at_failures_;
  bool leaves_out_throws_;
};

}  // namespace subunit::adapter
