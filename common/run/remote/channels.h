#pragma once

#include <list>
#include <optional>
#include <string_view>
#include <utility>

#include "common/run/assignment/retries.h"
#include "common/run/remote/remote_proxy.h"

namespace subunit::run {

/// All channels of a run, and the workers behind them, as one.
class Channels {
 public:
  /// `all`: how many there will be. `owner` lives longer.
  Channels(const Options& options, RemoteProxy::Owner& owner, std::size_t all)
      : options_(options), owner_(owner), all_(all), numbers_(all) {}

  RemoteProxy& add(RemoteProxy::Channel channel) {
    channel.number = remotes_.size();
    return remotes_.emplace_back(options_, std::move(channel), owner_, numbers_);
  }
  [[nodiscard]] bool several() const { return all_ > 1; }
  /// How many there will be.
  [[nodiscard]] std::size_t count() const { return all_; }

  [[nodiscard]] std::list<RemoteProxy>& remotes() { return remotes_; }
  [[nodiscard]] const std::list<RemoteProxy>& remotes() const { return remotes_; }
  template <typename Function>
  void each_worker(const Function& function) {
    for (RemoteProxy& remote : remotes_)
      for (Worker& worker : remote.workers()) function(worker);
  }

  template <typename Function>
  void each_worker(const Function& function) const {
    for (const RemoteProxy& remote : remotes_)
      for (const Worker& worker : remote.workers()) function(worker);
  }

  /// Every one has ended.
  [[nodiscard]] bool over() const;
  /// A server is there, or may come.
  [[nodiscard]] bool can_progress() const;
  /// There is no server, and none will come: why, for people.
  [[nodiscard]] std::string why_not() const;
  /// The command of one may be asking for a password.
  [[nodiscard]] bool may_be_asking() const;
  /// The command of one does not run yet, since something has to be done before.
  [[nodiscard]] bool being_set_up() const;
  /// There is one test server, and no place for others.
  [[nodiscard]] bool one_server() const;
  /// A server may come, beside those that take work.
  [[nodiscard]] bool more_come() const;
  /// Who is to be asked for the list of tests, if it is there: any server, unless each channel may
  /// have another list. Then it is one of the first channel, however long that takes, so that it
  /// is no matter of chance what runs.
  [[nodiscard]] Worker* lister();
  /// Where a test can run again.
  [[nodiscard]] Retries::Places places() const;
  /// The channel to this worker; nullptr if there is none.
  [[nodiscard]] const RemoteProxy* to(WorkerNumber worker) const;
  [[nodiscard]] std::optional<Time> next_deadline() const;

 private:
  const Options& options_;
  RemoteProxy::Owner& owner_;
  const std::size_t all_;
  WorkerNumbers numbers_;
  std::list<RemoteProxy> remotes_;
};

}  // namespace subunit::run
