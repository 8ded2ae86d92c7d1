#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/push/push.h"
#include "common/push/push_words.h"
#include "proxy/io/handle.h"
#include "proxy/posix/log.h"
#include "proxy/push/payloads.h"

namespace proxy {

/// What is to be brought, and to where.
struct PushPlan {
  subunit::Words channel;  ///< the command that gives a shell
  subunit::Words serve;    ///< arguments
  Payloads payloads;
  std::optional<LocalTree> tree;

  /// `words`: as split_push_words() has them.
  [[nodiscard]] static subunit::Result<PushPlan> make(const PushOptions& options,
                                                      const subunit::Words& words);
};

/// Brings `serve` to the shell at the other end of a line, which is its owner's: a Push with a
/// clock and files, which tells people how far it is.
class PushSession {
 public:
  struct Events {
    std::function<void(std::string_view)> type;
    std::function<void(subunit::Bytes)> noise;  ///< also the first bytes of `serve`
    std::function<void()> preparing;            ///< something of it goes on
    std::function<void()> started;              ///< `serve` has the line
    std::function<void(std::string)> failed;    ///< the last event; why, for people
  };

  struct Line {
    std::string name;             ///< the channel's, for people
    double bytes_per_second = 0;  ///< 0: that is not known
    bool console = false;         ///< as of subunit::push::Bootstrap
  };

  PushSession(uv_loop_t& loop, PushPlan plan, bool once, Line line, Events events, const Log& log);

  /// Types the first line.
  void begin();
  [[nodiscard]] bool begun() const { return begun_; }

  /// What the line prints.
  void receive(subunit::Bytes bytes);
  /// The same once `serve` has started, which others receive: the console goes on if it fails.
  void watch(subunit::Bytes bytes);
  /// So many bytes of what was typed have not gone out.
  void note_unsent(std::size_t bytes);

  /// Somebody knows better: there is a proxy, or nobody any more.
  void stop();
  /// It has begun, and has not come to its end.
  [[nodiscard]] bool active() const { return begun_ && !stopped_ && !push_.over(); }

  /// For people: "for ...". Valid while active.
  [[nodiscard]] std::string awaited() const { return push_.awaited(); }
  /// "before …" or "while …". Valid while active.
  [[nodiscard]] std::string how_far() const { return push_.how_far(); }

 private:
  // Of a channel that has taken the file and tells no more.
  static constexpr std::size_t kSlowBytesPerSecond = 20'000;

  void advance();
  void tick();
  [[nodiscard]] bool travels() const;
  void handle(const subunit::push::Push::Event& event);
  void send(const subunit::push::Push::Wanted& wanted);
  void announce_duration() const;
  void show_progress() const;

  const Payloads payloads_;
  subunit::push::Push push_;
  const Line line_;
  const Events events_;
  const Log& log_;
  Timer timer_;
  std::size_t unsent_ = 0;
  std::optional<subunit::Time> sending_since_;
  subunit::Time travel_time_{};
  bool begun_ = false;
  bool stopped_ = false;
};

}  // namespace proxy
