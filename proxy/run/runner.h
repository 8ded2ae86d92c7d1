#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/run/hooks/hooks.h"
#include "common/run/selection/plan.h"
#include "common/run/test_run.h"
#include "proxy/channel/channel.h"
#include "proxy/io/watch.h"
#include "proxy/posix/background_writer.h"
#include "proxy/posix/log.h"
#include "proxy/run/hook_process.h"
#include "proxy/run/keys.h"
#include "proxy/run/output.h"
#include "proxy/run/report_output.h"
#include "proxy/run/run.h"

namespace proxy {

/// What a TestRun and its Hooks need to happen: channels, other commands, a timer, signals, and
/// outputs. It decides nothing.
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

  void start();

  /// Turn the loop until this is true.
  [[nodiscard]] bool over() const { return concluded_ && hooks_.over() && out_.over(); }

  /// As TestRun::exit_status(); 3, too, if a report of it could not be written and no test failed.
  [[nodiscard]] int exit_status() const;

 private:
  /// A channel, and what the run knows of its other end.
  struct Line {
    subunit::run::Hooks::Channel number = 0;
    subunit::run::RemoteProxy* remote = nullptr;
    std::optional<Channel> channel = std::nullopt;  // once it is opened
    bool expects_packets = false;
    bool finished = false;
    std::optional<subunit::Time> hung_up = std::nullopt;
    bool over = false;  // and the hooks know it

    [[nodiscard]] bool is_open() const { return channel && !remote->over(); }
  };

  void add_outputs(Files files);
  [[nodiscard]] std::unique_ptr<Output> make_junit_output(ReportFile file);
  [[nodiscard]] std::unique_ptr<Output> make_html_output(ReportFile file);
  void add_lines();
  [[nodiscard]] Channel::Events events_of(Line& line);

  void settle();
  void carry_on();
  bool follow_hooks();
  void start_hook(const subunit::run::Hooks::Start& start);
  void open(Line& line);
  void refuse(Line& line, const std::string& problem);
  void tell(const subunit::run::Hooks::Tell& tell);
  void tell_of_leftovers();
  void pump(Line& line);
  void regulate();
  void write_schedule_log();
  void conclude();
  void finish_schedule_log();
  void interrupt();
  void pressed(char key);
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
  subunit::run::Hooks hooks_;
  std::deque<Line> lines_;
  std::deque<HookProcess> hook_processes_;  // by their number
  std::vector<std::string> hook_names_;
  std::vector<std::unique_ptr<Output>> outputs_;
  StopSignals signals_;
  SignalWatch resized_;
  std::optional<Keys> keys_;
  Timer timer_;
  Timer output_failed_timer_;
  Timer flush_timer_;
  std::string output_problem_;
  bool full_ = false;  // the outputs
  bool interrupted_ = false;
  bool concluded_ = false;
  bool report_failed_ = false;
  bool leftovers_told_ = false;
};

}  // namespace proxy
