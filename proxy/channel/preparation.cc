#include "proxy/channel/preparation.h"

#include <utility>

namespace proxy {

using subunit::Bytes;

Preparation::Preparation(uv_loop_t& loop, const LineOptions& options, Events events, const Log& log)
    : loop_(loop),
      options_(options),
      events_(std::move(events)),
      log_(log),
      script_(options.console) {}

void Preparation::bring(PushPlan plan, const std::string& name) {
  auto tree = std::move(plan.tree);
  push_.emplace(
      loop_, std::move(plan), options_.push->once,
      PushSession::Line{
          .name = name,
          .bytes_per_second = options_.link.bytes_per_second.value_or(0),
          .console = !options_.console.empty() || options_.link.bytes_per_second ||
                     options_.link.mode == LinkMode::kArmour,
      },
      PushSession::Events{.type = events_.type,
                          .noise = events_.noise,
                          .preparing = events_.preparing,
                          .started = events_.started,
                          .failed = [this](std::string reason) { fail(std::move(reason)); }},
      log_);
  if (tree) bring_files(std::move(*tree), name);
}

void Preparation::bring_files(LocalTree tree, const std::string& name) {
  tree_.emplace(
      std::move(tree), name,
      TreeSender::Events{.send = events_.send,
                         .congested = events_.congested,
                         .preparing = events_.preparing,
                         .done = [this] { files_arrived(); },
                         .failed = [this](std::string reason) { fail(std::move(reason)); }},
      log_);
}

void Preparation::fail(std::string reason) {
  problem_ = std::move(reason);
  events_.failed();
}

// A console, or the shell behind it.

void Preparation::type() {
  while (const auto text = script_.next()) events_.type(*text);
  if (push_ && !push_->begun() && script_.done()) push_->begin();
}

void Preparation::watch(Bytes printed) {
  if (push_) push_->watch(printed);
}

void Preparation::note_unsent(std::size_t bytes) {
  if (pushing()) push_->note_unsent(bytes);
}

void Preparation::stop_push() {
  if (push_) push_->stop();
}

// Files for `serve`.

void Preparation::proxy_found() {
  if (!std::exchange(proxy_found_, true)) stop_push();
}

std::optional<subunit::sync::Message> Preparation::message_in(const subunit::Packet& packet) const {
  return bringing_files() ? subunit::sync::read_message(packet) : std::nullopt;
}

void Preparation::feed() {
  if (bringing_files()) tree_->feed();
}

void Preparation::files_arrived() {
  events_.send(std::exchange(held_, {}));
  events_.files_arrived();
}

// For people.

std::optional<std::string> Preparation::awaited_on_console() const {
  if (!script_.done()) return script_.waits_for();
  if (pushing()) return push_->awaited();
  return std::nullopt;
}

std::optional<std::string> Preparation::awaited() const {
  if (auto awaited = awaited_on_console()) return awaited;
  if (bringing_files() && proxy_found_) return tree_->awaited();
  return std::nullopt;
}

std::string Preparation::how_far() const {
  if (!problem_.empty()) return "";
  if (!script_.done()) return "while the client was waiting " + script_.waits_for();
  if (pushing()) return push_->how_far();
  return bringing_files() && proxy_found_ ? tree_->how_far() : "before the proxy sent Ready";
}

}  // namespace proxy
