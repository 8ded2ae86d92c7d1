#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/run/assignment/assignment.h"
#include "common/run/assignment/attribution.h"
#include "common/run/conclusion.h"
#include "common/run/course.h"
#include "common/run/interruption.h"
#include "common/run/observer.h"
#include "common/run/options.h"
#include "common/run/remote/channels.h"
#include "common/run/results.h"
#include "common/run/selection/history_keeper.h"
#include "common/run/selection/plan.h"
#include "common/run/unheard_time.h"
#include "common/run/watchdog.h"

namespace subunit::run {

/// One run: lists or runs tests on the servers behind its channels, and says Goodbye.
///
/// It decides everything and does nothing: what arrives is handed in, what is to be sent is taken
/// out, and time is an argument. So a server that hangs for an hour, a link that is lost between a
/// result and its Done, and a second ^C are a few lines of a test each.
///
///     TestRun run(options, plan, 1, now);
///     RemoteProxy& remote = run.add_channel({.name = "ssh board", .awaited = …, .how_far = …});
///     run.start(now);
///     remote.start(now);                           // once the channel's command runs
///     …
///     run.receive(remote, packet, now);            // any number of these, then
///     run.arrived(remote, now);
///     channel.send(remote.pending_output());       // after every call that has `now`
///     if (remote.finished()) channel.finish();
///     if (remote.hang_up()) channel.hang_up(*remote.hang_up());
///     timer.start(run.next_deadline());            // for tick()
///     if (run.over()) exit(run.exit_status());
///
/// What makes a run hard is that nothing in it is final until its end. A server that is ready can
/// hang, one that hangs can answer after all, one that is gone can come back, a channel can be lost
/// while others go on, a schedule can name a server that comes a minute later. The obvious way, a
/// script of steps "connect, list, run, leave", needs an exception for each of these at each step.
/// Here there is no script: every event changes the state of one worker or channel and nothing
/// else, and then proceed() looks at the whole of it and does the next thing that is possible. The
/// phases only ever go forward, and whoever asks "can this run still get further?" asks
/// can_progress(), which is true as long as a server is there or may come.
class TestRun : public View, private RemoteProxy::Owner {
 public:
  /// `options` and `plan` are the caller's, and live longer. `channels`: how many there will be.
  TestRun(const Options& options, Plan& plan, std::size_t channels, Time now);

  /// The caller's, and lives longer. To be added before the start.
  void add_observer(Observer& observer) { results_.add_observer(observer); }
  RemoteProxy& add_channel(RemoteProxy::Channel channel) {
    return channels_.add(std::move(channel));
  }

  /// The time of day, for packets that are written here: at the start, and every now and then.
  void set_wall_clock(Timestamp wall, Time now) { results_.set_wall_clock(wall, now); }

  // What happens. `now` never goes back.

  /// The run begins. Its channels may be started later: see RemoteProxy::start().
  void start(Time now);
  void receive(RemoteProxy& from, const Packet& packet, Time now) {
    heard(from, now);
    from.receive(packet, now);
  }
  void receive_noise(RemoteProxy& from, Bytes bytes, Time now) {
    heard(from, now);
    from.receive_noise(bytes, now);
  }
  /// What has arrived at once has been received: bytes that packets are views of may go.
  void arrived(RemoteProxy& from, Time now);
  void channel_ended(RemoteProxy& channel, std::string_view how, Time now);
  /// Something of which only those who started the run know.
  void happened(const Incident& incident, Time now) { results_.happened(incident, now); }
  /// Somebody wants it to end: the first time in good order, after that at once.
  void interrupt(Time now);
  /// Nobody takes the results any more. (After an interrupt, nobody waits for long for the
  /// observers to take them: this happens by itself.)
  void output_lost(std::string_view problem, Time now);
  /// False: the observers are full, and nothing is read until they are not.
  void set_flow(bool on, Time now);
  void tick(Time now);
  /// When tick() has something to do, though nothing happens until then.
  [[nodiscard]] std::optional<Time> next_deadline() const;

  /// The observers have everything.
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver; }
  /// Why it is not complete; empty if it is. Valid once over.
  [[nodiscard]] std::string_view problem() const override { return conclusion_.problem(); }
  /// There is nothing to be gained from waiting until the results are written.
  [[nodiscard]] bool is_output_lost() const { return conclusion_.is_output_lost(); }
  /// See Conclusion. Valid once over.
  [[nodiscard]] int exit_status() const { return conclusion_.exit_status(results_, options_); }

  [[nodiscard]] std::list<RemoteProxy>& channels() { return channels_.remotes(); }
  [[nodiscard]] const verdict::Ledger& ledger() const override { return results_.ledger(); }
  [[nodiscard]] const RunningTests& running() const override { return results_.running(); }
  [[nodiscard]] Tally tally() const override { return results_.tally(); }
  [[nodiscard]] bool may_be_asking() const override { return channels_.may_be_asking(); }
  [[nodiscard]] bool being_set_up() const override { return channels_.being_set_up(); }
  [[nodiscard]] std::string_view channel_of(WorkerNumber worker) const override {
    const RemoteProxy* const remote = channels_.to(worker);
    return remote ? std::string_view(remote->name()) : "";
  }
  [[nodiscard]] std::size_t site_of(std::optional<WorkerNumber> worker) const override;
  [[nodiscard]] std::size_t site_of(const Packet& packet,
                                    std::optional<WorkerNumber> worker) const override;
  [[nodiscard]] bool on_each_channel() const override {
    return options_.spread == Spread::kEachChannel;
  }
  [[nodiscard]] std::vector<std::string> channel_names() const override;
  [[nodiscard]] std::optional<Time> time_left(Time now) const override {
    return assignment_.time_left(now);
  }

 private:
  enum class Phase {
    kOpening,  // waiting for the first test server
    kListing,
    kRunning,
    kLeaving,  // all is said; waiting for the end of the channels
    kOver,
  };

  // From the channels.
  void opened(Worker& worker) override;
  void kept(Worker& worker) override { attribution_.added(worker, now_); }
  void result(Worker* worker, const Packet& packet, std::optional<std::string_view> route) override;
  void answered(Worker& worker, const std::string& nonce) override;
  void failed(Worker& worker, const std::optional<std::string>& nonce,
              const std::string& text) override;
  void gone(Worker& worker, const std::string& why, bool expected) override;
  bool forgives(const Worker* worker, const std::string& why) override;
  void lost(RemoteProxy& remote) override;
  void over(RemoteProxy& remote) override;
  void noise(const Buffer& packets) override { results_.add_noise(packets, now_); }
  void tell(const Incident& incident) override { results_.happened(incident, now_); }

  // What is to be done next.
  void heard(RemoteProxy& from, Time now);
  void settle();
  void proceed();
  void sent(const Worker& worker, const std::vector<std::string>& ids);
  void list();
  void start_tests();
  void run_tests();
  void look();
  void look_for_idleness();

  // The end.
  void end_after_interrupt();
  void enter_leaving();
  void leave();
  void break_off(std::string_view problem);
  void conclude();

  void warn(const Worker* worker, const std::string& text);

  const Options& options_;
  Plan& plan_;
  const Time started_;
  Time now_;

  Results results_;
  Assignment assignment_;
  HistoryKeeper history_keeper_;
  Attribution attribution_;
  UnheardTime unheard_;
  Watchdog watchdog_;
  IdleWatch idle_watch_;
  Conclusion conclusion_;
  Channels channels_;
  Course course_;

  Phase phase_ = Phase::kOpening;
  Time next_look_;
  std::string why_none_came_;  // of the last server that ended before it had answered
  Interruption interruption_;
};

}  // namespace subunit::run
