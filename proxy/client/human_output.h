#pragma once

#include <string>
#include <unordered_map>

#include "common/verdict/ledger.h"
#include "proxy/client/attachments.h"
#include "proxy/client/output.h"
#include "proxy/io/handle.h"

namespace proxy {

/// For a person: one line of progress on stderr while the run lasts, where that is a terminal; at
/// the end, on stdout, each failure with its attachments, and a summary.
class HumanOutput : public Output {
 public:
  HumanOutput(Writer& out, const RunView& view, uv_loop_t& loop);

  void expect(std::size_t tests) override;
  void packet(const subunit::Packet& packet, std::optional<WorkerNumber> worker) override;
  void happened(const Incident& incident) override;
  void flush() override;
  void finish(bool completed) override;

 private:
  // Failures are kept for the end. A run with more text than this shows them as they come.
  static constexpr std::size_t kMaxKept = 16 << 20;

  void end_test(const subunit::Packet& packet);
  void draw_progress();
  void erase_progress();
  void print_failures();
  [[nodiscard]] std::string summary(bool completed) const;
  [[nodiscard]] double elapsed() const;

  Writer& out_;
  const subunit::Ledger& ledger_;
  uv_loop_t& loop_;
  subunit::Time started_;
  std::size_t expected_ = 0;
  std::unordered_map<std::string, Attachments> open_;  // by test id; "": what belongs to no test
  std::string failures_;

  bool progress_wanted_;
  bool progress_drawn_ = false;
  Timer progress_timer_;
};

}  // namespace proxy
