#pragma once

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/run/worker.h"
#include "common/subunit/packet.h"

namespace subunit::run {

/// Numbers for workers, each given once. Behind a single channel a worker has the number that the
/// proxy there calls it by, in whatever order they come: a replay finds it again.
class WorkerNumbers {
 public:
  explicit WorkerNumbers(std::size_t channels) : channels_(channels) {}

  /// `route`: its route code, or "".
  [[nodiscard]] WorkerNumber take(std::string_view route);

 private:
  std::size_t channels_;
  std::set<WorkerNumber> taken_;
  WorkerNumber next_ = 0;  // those below are taken
};

/// The workers behind one channel, by route code. The proxy at its end gives each server a route
/// code of one component; behind a server that is a proxy itself there are longer ones.
class RouteTable {
 public:
  RouteTable(RemoteServers& servers, WorkerNumbers& numbers)
      : servers_(servers), numbers_(numbers) {}

  /// Packets have no route code, and there is one worker: that is known before the first one comes.
  void set_routed(bool routed) { routed_ = routed; }
  [[nodiscard]] bool routed() const { return routed_; }

  struct Origin {
    Worker* worker;                         ///< nullptr: none of them
    std::optional<std::string_view> route;  ///< what the server itself gave the packet
  };
  /// The worker whose route code is the longest with which the packet's begins.
  [[nodiscard]] Origin origin_of(const Packet& packet);
  [[nodiscard]] Worker* find(std::string_view route);

  /// A proxy that names more servers than that is not believed.
  static constexpr std::size_t kMaxWorkers = 1024;
  [[nodiscard]] bool is_full() const { return workers_.size() >= kMaxWorkers; }
  Worker& add(std::string route);
  void remove(const Worker& worker);

  [[nodiscard]] std::list<Worker>& workers() { return workers_; }
  [[nodiscard]] const std::list<Worker>& workers() const { return workers_; }

  /// The route code `route` of a proxy that has the route code `from` itself.
  [[nodiscard]] static std::string join(std::string_view from, std::string_view route);
  /// The proxy that a server is behind, and what it calls the server: "0/3" is 3 of proxy 0.
  struct Place {
    std::string_view proxy;
    std::string_view name;
  };
  [[nodiscard]] static Place split(std::string_view route);
  /// `route` leads to the server or proxy `to`, or to something behind it.
  [[nodiscard]] static bool leads_to(std::string_view route, std::string_view to);

 private:
  RemoteServers& servers_;
  WorkerNumbers& numbers_;
  bool routed_ = false;
  std::list<Worker> workers_;                     // they never move
  std::map<std::string_view, Worker*> by_route_;  // keys are views of theirs
  Worker* last_ = nullptr;                        // the one that the packet before came from
};

}  // namespace subunit::run
