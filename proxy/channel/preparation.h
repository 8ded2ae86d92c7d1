#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/subunit/packet.h"
#include "proxy/channel/line_options.h"
#include "proxy/push/push_session.h"
#include "proxy/sync/tree_sender.h"

namespace proxy {

/// What a channel goes through until the proxy at its other end is ready: a console script logs in,
/// `serve` is brought to the shell there, and files are brought to `serve`. Any of these may be
/// missing.
///
/// The line is its owner's, who tells what comes over it. What the client sends before the files
/// are there is held here.
class Preparation {
 public:
  struct Events {
    std::function<void(std::string_view)> type;  ///< to the console, or its shell
    std::function<void(subunit::Bytes)> noise;   ///< also the first bytes of `serve`
    std::function<void(subunit::Bytes)> send;    ///< to `serve`
    std::function<bool()> congested;             ///< send() nothing now; feed() comes later
    std::function<void()> preparing;             ///< something that is brought goes on
    std::function<void()> started;               ///< `serve` has the line
    std::function<void()> files_arrived;         ///< and what was held has been sent
    std::function<void()> failed;                ///< the last event: see problem()
  };

  Preparation(uv_loop_t& loop, const LineOptions& options, Events events, const Log& log);

  /// `name` is the channel's, for people. To be called before anything comes.
  void bring(PushPlan plan, const std::string& name);

  // A console, or the shell behind it.

  /// All that the line prints is for the script.
  void read(subunit::Bytes printed) { script_.receive(printed); }
  /// Types what is to be typed now.
  void type();
  void stop_script() { script_.stop(); }

  /// Nothing but a shell is known to be at the other end.
  [[nodiscard]] bool pushing() const { return push_ && push_->active(); }
  /// What the line prints while pushing().
  void receive(subunit::Bytes printed) { push_->receive(printed); }
  /// What it prints at other times: the console goes on if `serve` fails.
  void watch(subunit::Bytes printed);
  /// So many bytes of what was typed have not gone out.
  void note_unsent(std::size_t bytes);
  /// There is a proxy, or nobody any more.
  void stop_push();

  // `serve`, which is not ready before its files are there.

  /// A packet has come.
  void proxy_found();
  [[nodiscard]] bool bringing_files() const { return tree_ && !tree_->over(); }
  /// A packet about the files, while they are brought.
  [[nodiscard]] std::optional<subunit::sync::Message> message_in(
      const subunit::Packet& packet) const;
  void receive(const subunit::sync::Message& message) { tree_->receive(message); }
  /// The line takes more.
  void feed();
  /// To be sent once the files are there.
  void hold(subunit::Bytes bytes) { subunit::append(held_, bytes); }
  [[nodiscard]] bool holds_enough() const { return held_.size() >= kMaxHeld; }

  // For people.

  /// Why it has failed; empty: it has not.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// What is typed on the console is not over: what it waits for, "for …".
  [[nodiscard]] std::optional<std::string> awaited_on_console() const;
  /// The same of all stages.
  [[nodiscard]] std::optional<std::string> awaited() const;
  /// If it ends now: "before …" or "while …". Empty if problem() tells all.
  [[nodiscard]] std::string how_far() const;

 private:
  static constexpr std::size_t kMaxHeld = 64 << 10;

  void bring_files(LocalTree tree, const std::string& name);
  void files_arrived();
  void fail(std::string reason);

  uv_loop_t& loop_;
  const LineOptions& options_;
  const Events events_;
  const Log& log_;
  ConsoleScript script_;
  std::optional<PushSession> push_;
  std::optional<TreeSender> tree_;
  bool proxy_found_ = false;
  subunit::Buffer held_;
  std::string problem_;
};

}  // namespace proxy
