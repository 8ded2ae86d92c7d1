#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/posix/log.h"
#include "proxy/run/dispatch.h"
#include "proxy/run/options.h"
#include "proxy/run/plan.h"
#include "proxy/run/remote.h"
#include "proxy/run/results.h"
#include "proxy/run/selection.h"
#include "proxy/run/vigil.h"
#include "proxy/run/worker_numbers.h"

namespace proxy {

/// One run: opens the channels, lists or runs tests on the servers behind them, and says Goodbye.
class Runner : private Remote::Owner {
 public:
  Runner(uv_loop_t& loop, const RunOptions& options, const Selection& selection, Plan& plan, Fd out,
         const Log& log);

  /// An Error if no channel's command can be started.
  [[nodiscard]] subunit::Result<> start();

  /// Turn the loop until this is true.
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver && out_.over(); }

  /// 0: everything asked for passed. 1: a test failed. 2: nothing was selected. 3: the run could
  /// not be completed.
  [[nodiscard]] int exit_status() const;

 private:
  enum class Phase {
    kOpening,  // waiting for the first test server
    kListing,
    kRunning,
    kLeaving,  // all is said; waiting for the end of the channels
    kOver,
  };

  // From the channels.
  WorkerNumber new_number(std::string_view route) override { return numbers_.take(route); }
  void opened(Worker& worker) override;
  void result(Worker* worker, const subunit::Packet& packet,
              std::optional<std::string_view> route) override;
  void answered(Worker& worker, const std::string& nonce) override;
  void failed(Worker& worker, const std::optional<std::string>& nonce,
              const std::string& text) override;
  void ponged(Worker& worker) override { worker.ping = Worker::Ping::kAnswered; }
  void gone(Worker& worker, const std::string& why) override;
  void lost(Remote& remote) override;
  void over(Remote& remote) override;
  void batch() override;
  void own_packets(const subunit::Buffer& packets) override { results_.add_own(packets); }

  [[nodiscard]] bool record(Worker& worker, const subunit::Packet& packet);
  void fail_condemned(Worker& worker, const subunit::Packet& packet);
  void record_start(Worker& worker, std::string_view test_id);
  void list_entry(const subunit::Packet& packet);

  // What is to be done next.
  void proceed();
  void list();
  void start_run();
  void run();
  void feed(Worker& worker);
  void recycle(Worker& worker);
  void revive();
  void look();
  void look_for_idleness();
  void tell_of_idleness();
  void replace(Worker& worker, const Vigil::Sentence& sentence);
  void abandon(Worker& worker, const std::string& why);
  void blame_running(Worker& worker, const std::string& why);

  // The end.
  void leave();
  void leave_incomplete(std::string problem);
  void interrupt();
  void conclude();
  void fail_missing();
  void report_differences();
  void output_failed(std::string_view why);
  void regulate();
  void warn(const Worker* worker, const std::string& text);

  [[nodiscard]] bool hopeful() const;
  template <typename Function>
  void each_worker(const Function& function) {
    for (Remote& remote : remotes_)
      for (Worker& worker : remote.workers()) function(worker);
  }

  uv_loop_t& loop_;
  const RunOptions& options_;
  const Selection& selection_;
  Plan& plan_;
  const Log& log_;

  const subunit::Time started_;
  Writer out_;
  Results results_;
  Vigil vigil_;
  std::list<Remote> remotes_;
  std::optional<Dispatch> dispatch_;
  SignalWatch interrupt_;
  SignalWatch terminate_;
  SignalWatch hangup_;
  Timer pulse_;
  Timer dispatch_timer_;

  Phase phase_ = Phase::kOpening;
  std::string problem_;  // the first thing that went wrong with the run as a whole
  WorkerNumbers numbers_;
  int interrupts_ = 0;
  bool completed_ = false;  // everything was answered
  bool nothing_matched_ = false;
  bool output_lost_ = false;
  std::optional<subunit::Time> idle_since_;  // that no server has anything to do
  bool idleness_told_ = false;
  std::optional<subunit::Time> paused_at_;  // when the outputs became full

  std::vector<std::string> listed_;  // that were selected, as often as they were listed
  std::size_t listed_in_all_ = 0;
};

}  // namespace proxy
