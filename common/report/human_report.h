#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/report/attachments.h"
#include "common/report/by_test.h"
#include "common/report/live_lines.h"
#include "common/report/roll_call.h"
#include "common/report/text_cells.h"
#include "common/run/observer.h"

namespace subunit::report {

/// A run for a person: while it lasts, how far it is, as a status line where one can be written
/// over and as a line every now and then where not; each failure with its attachments as it
/// happens; at the end a list of what did not pass, and a summary. Whoever has the terminal takes
/// what there is to write.
class HumanReport : public run::Observer {
 public:
  /// Where it is shown.
  struct Place {
    bool has_status_line = false;  ///< stderr is a terminal where a line can be written over
    bool colored_stdout = false;
    bool colored_stderr = false;
    bool full_tracebacks = false;  ///< with the frames of test frameworks
    bool live = false;             ///< what tests print while they run, too
    const char* locale = "";       ///< of the text on it, as for newlocale(3)
  };

  /// `view` is the caller's, and lives longer.
  HumanReport(const Place& place, const run::View& view, Time now);

  void expect(std::size_t tests) override;
  void packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) override;
  void happened(const run::Incident& incident, Time now) override;
  void attempted(const run::Attempt& attempt) override;
  void flush() override {}
  void finish(bool completed, Time now) override;

  /// For stdout. It grows until consume_output().
  [[nodiscard]] std::string_view pending_output() const { return output_; }
  void consume_output() { output_.clear(); }

  /// For stderr: whole lines that stay. They pile up until consume_lines().
  [[nodiscard]] std::string_view pending_lines() const { return lines_; }
  void consume_lines() { lines_.clear(); }

  /// What is in progress, where and for how long, with the last lines that it has printed, goes to
  /// pending_output().
  void add_running(Time now);
  /// A line between what came before now and what comes after it does.
  void add_mark(Time now);

  /// When there is progress to show; nothing once the run has ended.
  [[nodiscard]] std::optional<Time> next_deadline() const;
  /// The status line, at most `columns` wide; empty after the end. To be shown in place of the one
  /// before; if that cannot be done now (`postponed`), it is due again soon.
  [[nodiscard]] std::string status_line(std::size_t columns, Time now);
  void postpone_status_line(Time now) { due_ = now + kRedrawInterval; }
  /// Where there is no status line: a line of progress goes to pending_lines().
  void add_progress_line(Time now);
  /// The terminal has another width.
  void resized() { progressed_ = true; }

 private:
  static constexpr Time kRedrawInterval = std::chrono::milliseconds(100);  // as one can read it
  // Without a terminal: often enough to see in a log when it went where, and that it goes on.
  static constexpr Time kReportInterval = std::chrono::seconds(10);

  /// Of what tests in progress have attached, further attachments are left out.
  static constexpr std::size_t kMaxOpenBytes = 64 << 20;

  void keep(const Packet& packet, std::optional<run::WorkerNumber> worker);
  void end_test(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now);
  [[nodiscard]] bool at_several_sites() const;
  [[nodiscard]] std::string where_of(std::optional<run::WorkerNumber> worker) const;
  [[nodiscard]] std::string copy_of(const Packet& packet,
                                    std::optional<run::WorkerNumber> worker) const;
  [[nodiscard]] std::string slow_line(const run::Incident& incident, Time now) const;
  [[nodiscard]] std::string progress(std::size_t columns, Time now) const;
  [[nodiscard]] std::string summary(bool completed, Time now) const;

  const run::View& view_;
  const bool has_status_line_;
  const bool full_tracebacks_;
  const Style style_out_;
  const Style style_err_;
  const TextCells cells_;
  const Time started_;

  std::size_t expected_ = 0;
  std::size_t servers_lost_ = 0;
  std::size_t runs_failed_ = 0;  // kRunTest: whoever shows the report says why
  ByTest<Attachments> open_;
  Attachments outside_;   // of tests
  std::size_t kept_ = 0;  // bytes, in both
  std::optional<LiveLines> live_;
  RollCall roll_call_;
  std::string output_;
  std::string lines_;

  bool progressed_ = false;  // since it was shown
  Time shown_at_;
  std::optional<Time> due_;
};

}  // namespace subunit::report
