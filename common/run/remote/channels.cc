#include "common/run/remote/channels.h"

#include <algorithm>

namespace subunit::run {

bool Channels::over() const {
  return std::ranges::all_of(remotes_, &RemoteProxy::over);
}

bool Channels::can_progress() const {
  return std::ranges::any_of(remotes_, &RemoteProxy::can_progress);
}

std::string Channels::why_not() const {
  for (const RemoteProxy& remote : remotes_)
    if (!remote.problem().empty()) return remote.problem();
  return "no test server is left";
}

bool Channels::may_be_asking() const {
  return std::ranges::any_of(remotes_, &RemoteProxy::may_be_asking);
}

bool Channels::being_set_up() const {
  return std::ranges::any_of(remotes_, &RemoteProxy::being_set_up);
}

bool Channels::one_server() const {
  return !several() && std::ranges::none_of(remotes_, [](const RemoteProxy& remote) {
    const auto& workers = remote.workers();
    return !workers.empty() && workers.front().servers.routed();
  });
}

bool Channels::more_come() const {
  return std::ranges::any_of(remotes_, [](const RemoteProxy& remote) {
    return remote.expects_more() || std::ranges::any_of(remote.workers(), [](const Worker& worker) {
             return worker.can_progress() && !worker.is_open();
           });
  });
}

Worker* Channels::lister() {
  for (RemoteProxy& remote : remotes_) {
    const auto open = std::ranges::find_if(remote.workers(), &Worker::is_open);
    if (open != remote.workers().end()) return &*open;
    if (options_.spread == Spread::kEachChannel && remote.can_progress()) return nullptr;
  }
  return nullptr;
}

Retries::Places Channels::places() const {
  Retries::Places places;
  for (const RemoteProxy& remote : remotes_) {
    places.more_come |= remote.expects_more();
    for (const Worker& worker : remote.workers())
      if (worker.can_progress()) places.present.insert(worker.number);
  }
  return places;
}

const RemoteProxy* Channels::to(WorkerNumber worker) const {
  for (const RemoteProxy& remote : remotes_)
    if (std::ranges::find(remote.workers(), worker, &Worker::number) != remote.workers().end())
      return &remote;
  return nullptr;
}

std::optional<Time> Channels::next_deadline() const {
  std::optional<Time> next;
  for (const RemoteProxy& remote : remotes_) next = earlier(next, remote.next_deadline());
  return next;
}

}  // namespace subunit::run
