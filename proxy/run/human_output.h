#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "proxy/io/handle.h"
#include "proxy/run/attachments.h"
#include "proxy/run/output.h"
#include "proxy/run/paint.h"
#include "proxy/run/running_tests.h"
#include "proxy/run/text_cells.h"

namespace proxy {

/// For a person. On stderr while the run lasts: how far it is, as a status line where that is a
/// terminal and as a line every now and then where it is none, and incidents as they come. On
/// stdout at the end: each failure with its attachments, and a summary.
class HumanOutput : public Output {
 public:
  HumanOutput(Color color, Writer& out, const RunView& view, uv_loop_t& loop, const Log& log);

  void expect(std::size_t tests) override;
  void packet(const subunit::Packet& packet, std::optional<WorkerNumber> worker) override;
  void happened(const Incident& incident) override;
  void flush() override {}
  void finish(bool completed) override;

 private:
  // Failures are kept for the end. A run with more text than this shows them as they come.
  static constexpr std::size_t kMaxKept = 16 << 20;

  void end_test(const subunit::Packet& packet);
  void show_slow(const Incident& incident);
  void print_failures();
  [[nodiscard]] std::string summary(bool completed) const;

  void progressed();
  void show_progress();
  [[nodiscard]] std::string progress(std::size_t columns) const;
  [[nodiscard]] subunit::Time elapsed() const { return now(loop_) - started_; }

  Writer& out_;
  const RunView view_;
  uv_loop_t& loop_;
  const Log& log_;
  Screen& screen_;
  const bool has_status_line_;
  const Paint paint_out_;
  const Paint paint_err_;
  const TextCells cells_;
  const subunit::Time started_;

  std::size_t expected_ = 0;
  std::size_t servers_lost_ = 0;
  RunningTests running_;
  std::unordered_map<std::string, Attachments> open_;  // by test id; "": what belongs to no test
  std::string failures_;

  bool progressed_ = false;  // since it was shown
  subunit::Time shown_at_;
  Timer progress_timer_;
  std::optional<SignalWatch> resized_;
};

}  // namespace proxy
