#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/subunit/packet.h"
#include "proxy/native/suite.h"

namespace proxy::native {

/// A Run that children do, one after another: what each of them is to run, what its packets mean,
/// and who is to blame if it ends early. Decides only: the processes are elsewhere.
///
/// A child that ends early has the test in progress on its conscience, or what its latest fixture
/// note tells. That gets its final status here, and the next child does what is left. A child that
/// ends early without having ended any test, and with nobody to blame, may have had bad luck; the
/// second one in a row fails all that is left.
class ForkedRun {
 public:
  /// `tests` has to last as long as this. `which` ascends.
  ForkedRun(const std::vector<Test>& tests, Places which);

  /// What is left for the next child; empty: the Run is over.
  [[nodiscard]] const Places& left() const { return left_; }

  /// From the child. What is for the client is appended to `out`. True if the child waits until
  /// that was written.
  bool receive(const subunit::Packet& packet, subunit::Buffer& out);

  /// The child has done all that it was to run.
  [[nodiscard]] bool complete() const { return complete_; }

  /// The child's end, and its wait status. Everything from it was received before.
  void child_ended(int wait_status, subunit::Timestamp now, subunit::Buffer& out);

  /// The child is being ended because nobody wants to know any more: no further test begins.
  void cancel() { cancelled_ = true; }

 private:
  void end(std::string_view id, const std::string& reason, subunit::Timestamp now,
           subunit::Buffer& out);
  void end_not_begun(std::string_view id, const std::string& reason, subunit::Timestamp now,
                     subunit::Buffer& out);
  void end_in_progress(const std::string& ending, subunit::Timestamp now, subunit::Buffer& out);
  void blame(const std::string& ending, subunit::Timestamp now, subunit::Buffer& out);
  void end_left(const std::string& reason, subunit::Timestamp now, subunit::Buffer& out);
  void note(const subunit::File& file);

  const std::vector<Test>& tests_;
  Places left_;
  std::unordered_map<std::string_view, bool> ended_;  // by id, of those asked for
  bool cancelled_ = false;
  int fruitless_ = 0;  // children in a row

  // Of the current child.
  std::optional<std::string> in_progress_;
  std::string fixture_;
  std::string blamed_;
  bool has_ended_one_ = false;
  bool complete_ = false;
};

/// "was killed by SIGSEGV (11)", "exited with status 3".
[[nodiscard]] std::string describe_ending(int wait_status);

}  // namespace proxy::native
