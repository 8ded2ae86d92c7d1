#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/text.h"
#include "common/run/observer.h"

namespace subunit::report {

/// Test ids as text, one a line: what `--list --format ids` prints and `--load-list` reads.
///
/// An id stands there as it is, so that other tools can read the list. One that this would change
/// (it has a line break, a blank at its end, or nothing but blanks, or looks like one of these
/// lines) is a JSON string instead, in quotes. Blank lines, blanks at the end of a line, CR before
/// LF and a byte order mark at the beginning do not count.
void append_id(std::string& text, std::string_view id);

/// The ids of such a list, in its order.
[[nodiscard]] std::vector<std::string> parse_ids(std::string_view text);

/// The ids of listed tests, as such a list; for a terminal, harmless().
class IdList : public run::Observer {
 public:
  explicit IdList(bool for_terminal = false) : for_terminal_(for_terminal) {}

  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<run::WorkerNumber>, Time) override {
    if (packet.status != Status::kExists || !packet.test_id) return;
    if (!for_terminal_) return append_id(output_, *packet.test_id);
    std::string line;
    append_id(line, *packet.test_id);
    output_ += harmless(line);
  }
  void happened(const run::Incident&, Time) override {}
  void flush() override {}
  void finish(bool, Time) override {}

  /// Text to write. It grows until consume_output().
  [[nodiscard]] std::string_view pending_output() const { return output_; }
  void consume_output() { output_.clear(); }

 private:
  const bool for_terminal_;
  std::string output_;
};

}  // namespace subunit::report
