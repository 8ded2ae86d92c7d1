#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/run/selection/plan.h"
#include "common/run/test_run.h"
#include "proxy/channel/channel.h"
#include "proxy/io/watch.h"
#include "proxy/posix/background_writer.h"
#include "proxy/posix/log.h"
#include "proxy/run/output.h"
#include "proxy/run/report_output.h"
#include "proxy/run/run.h"

namespace proxy {

/// What a TestRun needs to happen: channels, a timer, signals, and outputs. It decides nothing.
class Runner {
 public:
  /// Those that the options name.
  struct Files {
    Fd schedule_log;
    Fd trace;
    std::optional<ReportFile> junit;
    std::optional<ReportFile> html;
  };

  /// All but `files` and `out` are the caller's, and live longer.
  Runner(uv_loop_t& loop, const RunOptions& options, subunit::run::Plan& plan, Files files, Fd out,
         const Log& log);

  /// An Error if no channel's command can be started.
  [[nodiscard]] subunit::Result<> start();

  /// After an Error of start(): reports tell it.
  void give_up(const std::string& problem);

  /// Turn the loop until this is true.
  [[nodiscard]] bool over() const { return concluded_ && out_.over(); }

  /// As TestRun::exit_status().
  [[nodiscard]] int exit_status() const { return run_.exit_status(); }

 private:
  /// A channel, and what the run knows of its other end.
  struct Line {
    std::optional<Channel> channel;
    subunit::run::RemoteProxy* remote = nullptr;
    bool expects_packets = false;
    bool finished = false;
    std::optional<subunit::Time> hung_up = std::nullopt;
  };

  void add_outputs(Files files);
  [[nodiscard]] std::unique_ptr<Output> make_junit_output(ReportFile file);
  [[nodiscard]] std::unique_ptr<Output> make_html_output(ReportFile file);
  [[nodiscard]] subunit::Result<> open_channels();
  [[nodiscard]] Channel::Events events_of(Line& line);

  void settle();
  void pump(Line& line);
  void regulate();
  void write_schedule_log();
  void conclude();
  void finish_schedule_log();
  void interrupt();
  void resized();
  void output_failed(const std::string& why);

  uv_loop_t& loop_;
  const RunOptions& options_;
  subunit::run::Plan& plan_;
  const Log& log_;

  Writer out_;
  std::optional<BackgroundWriter> schedule_log_;
  std::size_t unlogged_ = 0;  // bytes of it that were dropped
  subunit::run::TestRun run_;
  std::list<Line> lines_;
  std::vector<std::unique_ptr<Output>> outputs_;
  StopSignals signals_;
  SignalWatch resized_;
  Timer timer_;
  Timer output_failed_timer_;
  Timer flush_timer_;
  std::string output_problem_;
  bool full_ = false;  // the outputs
  bool interrupted_ = false;
  bool concluded_ = false;
};

}  // namespace proxy
