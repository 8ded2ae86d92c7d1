#include "common/run/remote/remote_proxy.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/rpc/message.h"

namespace subunit::run {

using std::chrono::seconds;

namespace {

// Between asking the channel's command to end and killing it. The proxy at the other end may wait
// for its servers that long.
constexpr Time kHangUpGrace = seconds(6);
constexpr std::size_t kMaxName = 60;
// Proxies behind the proxy that get time for their servers to connect.
constexpr int kMaxInnerProxies = 8;

}  // namespace

std::string channel_name(const std::vector<std::string>& command) {
  std::string words;
  for (const std::string& word : command) words += (words.empty() ? "" : " ") + word;
  return escaped(words, kMaxName);
}

RemoteProxy::RemoteProxy(const Options& options, Channel channel, Owner& owner,
                         WorkerNumbers& numbers)
    : options_(options),
      channel_(std::move(channel)),
      owner_(owner),
      servers_(options, *this, owner, numbers, channel_.number) {}

void RemoteProxy::start(Time now) {
  now_ = now;
  link_.heard(now);
  link_.said(now);
  if (!options_.direct) return enter(Phase::kReady, options_.ready_timeout);
  enter(Phase::kUp);
  servers_.add_direct();
}

void RemoteProxy::preparing(Time now) {
  now_ = now;
  if (phase_ == Phase::kReady && !options_.direct) enter(Phase::kReady, options_.ready_timeout);
}

void RemoteProxy::fail_to_start(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
  phase_ = Phase::kOver;
}

// What takes too long.

void RemoteProxy::enter(Phase phase, std::optional<Time> timeout) {
  phase_ = phase;
  deadline_ = timeout ? std::optional(now_ + *timeout) : std::nullopt;
}

void RemoteProxy::set_flow(bool on, Time now) {
  now_ = now;
  flow_ = on;
  link_.set_flow(on, now);
  // The end could not come while nothing was read.
  if (on && phase_ == Phase::kLeaving && deadline_)
    deadline_ = std::max(*deadline_, now + kHangUpGrace);
}

std::optional<Time> RemoteProxy::next_deadline() const {
  const std::optional<Time> next = has_deadline() ? deadline_ : std::nullopt;
  if (leaving()) return next;
  const auto answer = awaits_answer() ? std::optional(answered_by()) : std::nullopt;
  return earlier(earlier(earlier(next, answer), servers_.next_deadline()),
                 watches_ ? std::optional(link_.next_deadline()) : std::nullopt);
}

/// Servers may come and go, and more be announced: one of them has to answer some time.
bool RemoteProxy::awaits_answer() const {
  return phase_ == Phase::kUp && up_since_ && !servers_.awaits_first() && !servers_.has_answered();
}

Time RemoteProxy::answered_by() const {
  return *up_since_ + options_.attach_timeout + options_.hello_timeout;
}

/// The end cannot come while nothing is read.
bool RemoteProxy::has_deadline() const {
  if (phase_ == Phase::kUp) return servers_.awaits_first() || servers_.expects_more();
  return phase_ == Phase::kReady || (phase_ == Phase::kLeaving && flow_);
}

void RemoteProxy::tick(Time now) {
  now_ = now;
  if (has_deadline() && deadline_ && now >= *deadline_) phase_overdue();
  if (!leaving()) servers_.check_greetings();
  if (!leaving() && awaits_answer() && now >= answered_by()) {
    give_up(
        fmt::format("no test server has answered Hello within {} (--attach-timeout and "
                    "--hello-timeout together)",
                    in_seconds(options_.attach_timeout + options_.hello_timeout)));
  }
  if (!leaving() && watches_) check_link();
}

void RemoteProxy::phase_overdue() {
  deadline_.reset();
  switch (phase_) {
    case Phase::kReady:
      return give_up(fmt::format("waited {} (--ready-timeout) {}; {}",
                                 in_seconds(options_.ready_timeout), channel_.awaited(),
                                 early_noise_.text()));
    case Phase::kUp:
      if (!servers_.awaits_first()) {
        servers_.stop_expecting();
        return tell(Incident::Kind::kTrouble,
                    fmt::format("a test server that was announced has not connected within {} "
                                "(--attach-timeout); it is not waited for",
                                in_seconds(options_.attach_timeout)));
      }
      return give_up(
          fmt::format("{} is ready, but no test server has connected to it within {} "
                      "(--attach-timeout); check that its command starts one",
                      proxy_, in_seconds(options_.attach_timeout)));
    case Phase::kLeaving: {
      const std::string what = fmt::format("the channel \"{}\" did not end after Goodbye", name());
      if (problem_.empty() && !owner_.forgives(nullptr, what)) problem_ = what;
      return hang_up(kHangUpGrace);
    }
    case Phase::kSetup:
    case Phase::kOver:
      return;
  }
}

void RemoteProxy::check_link() {
  if (link_.keepalive_due(now_)) watch("");
  switch (link_.look(now_)) {
    case LinkWatch::State::kFine:
      return;
    case LinkWatch::State::kDoubtful:
      return tell(
          Incident::Kind::kTrouble,
          fmt::format("nothing has come over the channel \"{}\" for {}: the link may be lost",
                      name(), in_seconds(LinkWatch::kDoubtTimeout)));
    case LinkWatch::State::kLost:
      return give_up(
          fmt::format("the link is lost: nothing has come from the proxy for {}, though it should "
                      "report every second that it is alive",
                      in_seconds(LinkWatch::kLostTimeout)));
  }
}

// What comes over the channel.

void RemoteProxy::receive(const Packet& packet, Time now) {
  now_ = now;
  link_.heard(now);
  if (leaving() && !problem_.empty()) return;
  if (rpc::carries_message(packet, rpc::kProxyTestId)) return receive_announcement(packet);
  servers_.receive(packet);
}

void RemoteProxy::receive_noise(Bytes bytes, Time now) {
  now_ = now;
  link_.heard(now);
  if (phase_ == Phase::kReady) return early_noise_.add(bytes);
  Buffer packets;
  noise_.add(bytes, packets);
  owner_.noise(packets);
}

// What the proxy says of itself and its servers.

void RemoteProxy::receive_announcement(const Packet& packet) {
  if (options_.direct) return;
  const auto json = announcements_.add(packet);
  if (!json) return give_up(json.error().text);
  if (!*json) return;
  const std::string from(packet.route_code.value_or(""));
  const auto said = rpc::parse_announcement(**json);
  if (!said) {
    // A newer proxy may have more to say.
    tell(Incident::Kind::kNote,
         fmt::format("ignored a message of the proxy: {}", said.error().text));
  } else if (const auto* ready = std::get_if<rpc::Ready>(&*said)) {
    this->ready(*ready, from);
  } else if (phase_ == Phase::kReady) {
    tell(Incident::Kind::kNote,
         fmt::format("ignored a message of the proxy before its Ready: {}", escaped(**json)));
  } else if (const auto* attached = std::get_if<rpc::Attached>(&*said)) {
    servers_.attached(*attached, from);
  } else if (const auto* detached = std::get_if<rpc::Detached>(&*said)) {
    servers_.detached(*detached, from);
  } else if (const auto* refused = std::get_if<rpc::Refused>(&*said)) {
    servers_.refused(*refused, from);
  } else if (const auto* alive = std::get_if<rpc::Alive>(&*said)) {
    servers_.alive(*alive, from);
  }
}

void RemoteProxy::ready(const rpc::Ready& ready, const std::string& from) {
  const bool knows_watch = ready.versions.max >= 2;
  if (!from.empty()) {
    servers_.expect(ready.expected.value_or(0), from);
    if (phase_ == Phase::kUp && inner_proxies_++ < kMaxInnerProxies) {
      enter(Phase::kUp, options_.attach_timeout);
      up_since_ = now_;
    }
  } else if (phase_ != Phase::kReady) {
    return tell(Incident::Kind::kTrouble, "the proxy sent Ready twice");
  } else {
    proxy_ = escaped(ready.proxy);
    if (ready.revision) proxy_ += fmt::format(" ({})", escaped(*ready.revision));
    watches_ = knows_watch;
    servers_.expect(ready.expected.value_or(0), "");
    if (early_noise_.is_cut()) {
      tell(Incident::Kind::kTrouble,
           fmt::format("the channel printed {} bytes before the proxy sent Ready; the first {} are "
                       "kept",
                       early_noise_.size(), EarlyNoise::kMaxKept));
    }
    // What came before is noise like any other.
    Buffer packets;
    noise_.add(early_noise_.take(), packets);
    owner_.noise(packets);
    enter(Phase::kUp, options_.attach_timeout);
    up_since_ = now_;
  }
  if (knows_watch) watch(from);
}

// What goes over the channel.

Bytes RemoteProxy::pending_output() {
  servers_.send_pending();
  return output_;
}

void RemoteProxy::consume_output(std::size_t size) {
  output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(size));
}

void RemoteProxy::send(Bytes packets) {
  link_.said(now_);
  append(output_, packets);
}

void RemoteProxy::announce(std::string_view to, const rpc::Announcement& announcement) {
  Buffer packet;
  const auto encoded = rpc::encode_attachment(
      rpc::kProxyTestId, to_json(announcement),
      to.empty() ? std::nullopt : std::optional<std::string_view>(to), packet);
  if (!encoded) return tell(Incident::Kind::kTrouble, encoded.error().text);
  send(packet);
}

void RemoteProxy::watch(std::string_view proxy) {
  announce(proxy, rpc::Watch{LinkWatch::kAliveInterval, LinkWatch::kLease});
}

void RemoteProxy::tell(Incident::Kind kind, const std::string& text) {
  owner_.tell({.kind = kind, .text = text});
}

// The end.

void RemoteProxy::leave(Time timeout) {
  if (leaving()) return;
  if (phase_ <= Phase::kReady) {
    tell(Incident::Kind::kTrouble,
         fmt::format("the channel \"{}\" was not ready when the run ended; {}", name(),
                     being_set_up() ? "its setup had not ended" : early_noise_.text()));
    lost_ = true;
    enter(Phase::kLeaving);
    return hang_up(kHangUpGrace);
  }
  servers_.send_pending();
  servers_.said_goodbye();  // one without route code is for all of them
  rpc::Outbox goodbye;
  if (const auto added = goodbye.add(rpc::Goodbye{}); !added)
    tell(Incident::Kind::kTrouble, added.error().text);
  send(goodbye.pending());
  finished_ = true;
  enter(Phase::kLeaving, timeout);
}

void RemoteProxy::give_up(std::string problem) {
  if (over()) return;
  if (problem_.empty()) problem_ = std::move(problem);
  const bool news = !leaving();
  enter(Phase::kLeaving);
  hang_up(kHangUpGrace);
  if (news) lose();
}

void RemoteProxy::hang_up(Time grace) {
  if (!over()) hang_up_ = std::min(grace, hang_up_.value_or(grace));
}

void RemoteProxy::lose() {
  lost_ = true;
  servers_.lose_all(problem_);
  owner_.lost(*this);
}

/// Why it has ended before Ready.
std::string RemoteProxy::early_end(std::string_view how) const {
  const std::string how_far = channel_.how_far();
  if (how_far.empty()) return std::string(how);
  return fmt::format("the channel ended {}: {}; {}", how_far, how, early_noise_.text());
}

void RemoteProxy::channel_ended(std::string_view how, Time now) {
  now_ = now;
  if (over()) return;
  const bool early = !leaving();
  if (problem_.empty() && phase_ == Phase::kReady) problem_ = early_end(how);
  if (const auto cut_short = problem_.empty() ? servers_.receive_eof() : std::nullopt)
    problem_ = fmt::format("{} (the channel ended: {})", *cut_short, how);
  if (early && problem_.empty()) problem_ = fmt::format("the channel ended: {}", how);
  enter(Phase::kOver);
  Buffer packets;
  noise_.flush(packets);
  owner_.noise(packets);
  if (early) lose();
  owner_.over(*this);
}

}  // namespace subunit::run
