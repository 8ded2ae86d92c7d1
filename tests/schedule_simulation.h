#pragma once

// Servers, a channel and a client on virtual time, to see what a Dispatcher makes of them.

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/schedule/dispatcher.h"

namespace subunit::schedule {

/// `seconds` as a Time, to the nanosecond.
inline Time seconds(double seconds) {
  return Time(std::llround(seconds * 1e9));
}

/// Durations as those of real suites, with the median at one second: many short, few very long.
inline std::vector<Time> skewed_suite(std::size_t tests, std::mt19937_64& random) {
  std::lognormal_distribution<double> duration(0, 1.5);
  std::vector<Time> suite(tests);
  for (Time& test : suite) test = seconds(duration(random));
  return suite;
}

class Simulation {
 public:
  struct Run {
    std::size_t test;
    std::size_t slot;
    Time arrived;  // at the server
    Time started;
    std::optional<Time> ended = std::nullopt;  // not if its server left before
  };
  struct Message {
    Time at;
    std::size_t slot;
    Dispatcher::Batch tests;
  };
  struct Gap {  // from the end of one test to the start of the next on the same server
    Time from;
    Time to;
    bool starved;  // tests were waiting when it began
  };

  /// `durations` are those on a server of speed 1. Messages take `one_way` in either direction.
  Simulation(Dispatcher& dispatcher, std::vector<Time> durations, Time one_way)
      : dispatcher_(dispatcher), durations_(std::move(durations)), one_way_(one_way) {}

  /// A server that the client learns of at `when`. The first to be added is the first to ask.
  void join(std::size_t slot, double speed, Time when, std::size_t channel = 0) {
    at(when, [=, this] {
      servers_.resize(std::max(servers_.size(), slot + 1));
      servers_[slot] = Server{
          .speed = speed, .channel = channel, .life = servers_[slot].life + 1, .idle_since = now_};
      servers_[slot].worker = dispatcher_.add({slot, channel}, now_);
      dispatcher_.measured_round_trip(*servers_[slot].worker, 2 * one_way_);
      ask_later_ = true;
    });
  }

  /// It leaves; `crash`: because of the test that is running, which then counts as finished. With
  /// `back_after`, another one comes in its place.
  void leave(std::size_t slot, Time when, bool crash, std::optional<Time> back_after) {
    at(when, [=, this] {
      if (slot >= servers_.size() || !servers_[slot].worker || !servers_[slot].alive) return;
      Server& server = servers_[slot];
      server.alive = false;
      ++server.life;
      const auto culprit = crash ? server.running : std::nullopt;
      at(now_ + one_way_, [=, this] {
        const auto worker = *std::exchange(servers_[slot].worker, std::nullopt);
        if (culprit) {
          dispatcher_.finished(worker, runs[*culprit].test, now_);
          ++results_of(runs[*culprit].test);
        }
        dispatcher_.remove(worker, now_);
        ask_later_ = true;
      });
      if (back_after) join(slot, server.speed, now_ + one_way_ + *back_after, server.channel);
    });
  }

  /// Until nothing happens any more.
  void run() {
    results.resize(durations_.size());
    while (true) {
      const auto deadline = dispatcher_.next_deadline();
      if (!events_.empty() && (!deadline || events_.top().at <= *deadline)) {
        const Event event = events_.top();
        events_.pop();
        now_ = event.at;
        event.action();
        if (events_.empty() || events_.top().at > now_) {
          if (std::exchange(ask_later_, false)) ask_all();
        }
      } else if (deadline) {
        now_ = *deadline;
        ask_all();
        const auto next = dispatcher_.next_deadline();
        if (next && *next <= now_) throw std::logic_error("a deadline that has passed");
      } else {
        return;
      }
    }
  }

  /// When the client knew all results.
  [[nodiscard]] Time makespan() const { return last_result_; }

  std::vector<Run> runs;
  std::vector<Message> messages;
  std::vector<Gap> gaps;
  std::vector<int> results;  // by test
  bool has_limits = false;   // set before run(): after each result, all servers ask

 private:
  struct Queued {
    std::size_t test;
    Time arrived;
  };
  struct Server {
    double speed = 1;
    std::size_t channel = 0;
    int life = 0;
    Time idle_since{0};
    bool alive = true;
    bool starved = false;
    bool ran = false;
    std::optional<Dispatcher::Worker> worker = std::nullopt;
    std::deque<Queued> queue = {};
    std::optional<std::size_t> running = std::nullopt;  // in runs
  };
  struct Event {
    Time at;
    std::size_t sequence;
    std::function<void()> action;
    bool operator<(const Event& other) const {
      return std::pair(at, sequence) > std::pair(other.at, other.sequence);
    }
  };

  int& results_of(std::size_t test) {
    last_result_ = now_;
    return results[test];
  }

  void at(Time when, std::function<void()> action) {
    events_.push({when, sequence_++, std::move(action)});
  }

  void ask_all() {
    for (std::size_t slot = 0; slot < servers_.size(); ++slot) ask(slot);
  }

  void ask(std::size_t slot) {
    if (!servers_[slot].worker) return;
    Dispatcher::Batch batch = dispatcher_.next(*servers_[slot].worker, now_);
    if (batch.empty()) return;
    messages.push_back({now_, slot, batch});
    at(now_ + one_way_, [=, this, life = servers_[slot].life, batch = std::move(batch)] {
      Server& server = servers_[slot];
      if (server.life != life || !server.alive) return;
      for (const std::size_t test : batch) server.queue.push_back({test, now_});
      if (!server.running) start(slot);
    });
  }

  void start(std::size_t slot) {
    Server& server = servers_[slot];
    if (std::exchange(server.ran, true)) gaps.push_back({server.idle_since, now_, server.starved});
    const auto [test, arrived] = server.queue.front();
    server.queue.pop_front();
    server.running = runs.size();
    runs.push_back({test, slot, arrived, now_});
    report(slot, [this, test = test](Dispatcher::Worker worker) {
      dispatcher_.started(worker, test, now_);
    });
    const Time duration = seconds(Seconds(durations_[test]).count() / server.speed);
    at(now_ + duration, [=, this, life = server.life] {
      if (servers_[slot].life == life) end(slot);
    });
  }

  void end(std::size_t slot) {
    Server& server = servers_[slot];
    Run& run = runs[*std::exchange(server.running, std::nullopt)];
    run.ended = now_;
    server.idle_since = now_;
    server.starved = dispatcher_.waiting() > 0;
    report(slot, [this, test = run.test](Dispatcher::Worker worker) {
      dispatcher_.finished(worker, test, now_);
      ++results_of(test);
    });
    if (!server.queue.empty()) start(slot);
  }

  void report(std::size_t slot, std::function<void(Dispatcher::Worker)> event) {
    at(now_ + one_way_, [=, this, worker = servers_[slot].worker] {
      if (!worker || worker != servers_[slot].worker) return;
      event(*worker);
      ask(slot);
      ask_later_ |= has_limits;
    });
  }

  using Seconds = std::chrono::duration<double>;

  Dispatcher& dispatcher_;
  std::vector<Time> durations_;
  Time one_way_;
  Time now_{0};
  Time last_result_{0};
  bool ask_later_ = false;
  std::size_t sequence_ = 0;
  std::priority_queue<Event> events_;
  std::vector<Server> servers_;
};

}  // namespace subunit::schedule
