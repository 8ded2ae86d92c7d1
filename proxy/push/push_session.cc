#include "proxy/push/push_session.h"

#include <algorithm>

#include "common/base/text.h"
#include "proxy/channel/link_relay.h"
#include "proxy/terminal/terminal.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
using subunit::Result;
using subunit::push::Push;

Result<PushPlan> PushPlan::make(const PushOptions& options, const subunit::Words& words) {
  auto parts = subunit::push::split_push_words(words);
  if (!parts) return tl::unexpected(parts.error());
  // Whoever starts Python may want the package, and for others it would be a waste.
  const bool with_python = std::ranges::any_of(
      parts->serve, [](const std::string& word) { return word.find("py") != std::string::npos; });
  auto payloads = Payloads::find(options, with_python);
  if (!payloads) return tl::unexpected(payloads.error());
  if (with_python) parts->serve.insert(parts->serve.begin(), "--pushed-python");
  parts->serve.insert(parts->serve.begin(), options.serve.begin(), options.serve.end());
  std::optional<LocalTree> tree;
  if (options.tree) {
    auto listed = LocalTree::list(options.tree->folder);
    if (!listed) return tl::unexpected(listed.error());
    parts->serve.insert(parts->serve.begin(),
                        "--pushed-tree=" + options.tree->target.value_or(":" + listed->name()));
    tree = std::move(*listed);
  }
  return PushPlan{std::move(parts->channel), std::move(parts->serve), std::move(*payloads),
                  std::move(tree)};
}

PushSession::PushSession(uv_loop_t& loop, PushPlan plan, bool once, Line line, Events events,
                         const Log& log)
    : payloads_(std::move(plan.payloads)),
      push_({.payloads = payloads_.all(),
             .nonce = fmt::format("{:06x}", random_nonce()),
             .once = once,
             .console = line.console,
             .serve = std::move(plan.serve)}),
      line_(std::move(line)),
      events_(std::move(events)),
      log_(log),
      timer_(loop, [this] { tick(); }) {}

void PushSession::begin() {
  begun_ = true;
  events_.type(push_.begin(precise_now()));
  advance();
}

void PushSession::receive(Bytes bytes) {
  const std::size_t before = push_.answers();
  push_.receive(bytes, precise_now());
  advance();
  if (push_.answers() != before) events_.preparing();
}

void PushSession::watch(Bytes bytes) {
  if (stopped_ || !push_.over()) return;
  if (const auto why = push_.watch(bytes)) events_.failed(*why);
}

void PushSession::tick() {
  push_.tick(precise_now());
  if (travels()) events_.preparing();
  advance();
}

/// The file may be on its way through a channel that tells nothing of that.
bool PushSession::travels() const {
  return sending_since_ && !push_.over() && precise_now() < *sending_since_ + travel_time_;
}

void PushSession::note_unsent(std::size_t bytes) {
  if (bytes < std::exchange(unsent_, bytes)) events_.preparing();
}

void PushSession::stop() {
  stopped_ = true;
  timer_.stop();
  if (sending_since_) log_.screen().show_status("");
}

void PushSession::advance() {
  while (active()) {
    const auto event = push_.next_event();
    if (!event) break;
    handle(*event);
  }
  if (stopped_) return;
  show_progress();
  auto deadline = push_.over() ? std::nullopt : push_.next_deadline();
  if (travels())
    deadline = std::min(deadline.value_or(subunit::Time::max()), precise_now() + seconds(1));
  deadline ? timer_.start(*deadline - precise_now()) : timer_.stop();
}

void PushSession::handle(const Push::Event& event) {
  if (const auto* noise = std::get_if<Push::Noise>(&event)) {
    events_.noise(noise->bytes);
  } else if (const auto* wanted = std::get_if<Push::Wanted>(&event)) {
    send(*wanted);
  } else if (const auto* text = std::get_if<Push::Text>(&event)) {
    events_.type(subunit::as_text(text->bytes));
  } else if (const auto* found = std::get_if<Push::Found>(&event)) {
    log_.info("\"{}\": {} is there already", line_.name, subunit::escaped(found->path));
  } else if (const auto* started = std::get_if<Push::Started>(&event)) {
    if (!started->rest.empty()) events_.noise(started->rest);
    events_.started();
    watch(started->rest);
  } else if (const auto* failed = std::get_if<Push::Failed>(&event)) {
    events_.failed(failed->reason);
  }
}

void PushSession::send(const Push::Wanted& wanted) {
  const auto content = payloads_.read(wanted.payload);
  if (!content) return events_.failed(content.error().text);
  push_.provide(subunit::as_bytes(*content), precise_now());
  sending_since_ = precise_now();
  travel_time_ = seconds(content->size() / kSlowBytesPerSecond);
  log_.info("\"{}\": sending the program for {} to {}", line_.name, wanted.payload.machine,
            subunit::escaped(wanted.folder));
  announce_duration();
}

/// Before it starts, where that is known.
void PushSession::announce_duration() const {
  const auto progress = push_.progress();
  if (!progress || line_.bytes_per_second <= 0) return;
  const std::chrono::duration<double> duration(
      static_cast<double>(progress->size) * subunit::push::kTextOverhead / line_.bytes_per_second);
  log_.screen().print(fmt::format(
      "subunit-proxy: bringing {} kB to the test machine takes about {} at {:.0f} baud\n",
      (progress->size + 999) / 1000, subunit::in_seconds(std::chrono::ceil<seconds>(duration)),
      line_.bytes_per_second * kBitsPerByte));
}

void PushSession::show_progress() const {
  if (!sending_since_ || !log_.screen().has_status_line()) return;
  const auto progress = push_.progress();
  std::string line;
  if (progress && progress->arrived > 0) {
    const double share =
        static_cast<double>(progress->arrived) / static_cast<double>(progress->size);
    const auto left =
        std::chrono::ceil<seconds>((precise_now() - *sending_since_) * ((1 - share) / share));
    line = fmt::format("bringing subunit-proxy to the test machine: {:.0f} %, {} left", 100 * share,
                       subunit::in_seconds(left));
  }
  log_.screen().show_status(line.size() < log_.screen().columns() ? line : "");
}

}  // namespace proxy
