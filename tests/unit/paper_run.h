#pragma once

// A run on paper: the client's decisions with a proxy, its servers and a clock that the test plays.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/rpc/announcement.h"
#include "common/rpc/attachment.h"
#include "common/run/test_run.h"
#include "tests/unit/streams.h"

namespace subunit::run {

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// What the observers of a run are told, as text.
class Record : public Observer {
 public:
  void expect(std::size_t tests) override { expected += tests; }
  void packet(const Packet& packet, std::optional<WorkerNumber> worker, Time) override {
    const std::string id(packet.test_id.value_or(""));
    if (packet.file) files[id] += as_text(packet.file->content);
    if (packet.status == Status::kExists) listed.push_back(id);
    if (is_final(packet.status)) {
      const bool is_new = statuses.insert_or_assign(id, name_of(packet.status)).second;
      CHECK_MESSAGE((is_new || repeats), id, " ended twice");
      if (worker) workers[id] = *worker;
      const Packet written = *parse_packet(packet.raw);
      tags[id] = {written.tags.begin(), written.tags.end()};
      if (written.timestamp) seconds[id] = written.timestamp->seconds;
    }
  }
  void happened(const Incident& incident, Time) override {
    const std::string who = incident.worker ? "worker-" + std::to_string(*incident.worker) : "";
    const std::string what(incident.kind == Incident::Kind::kSlow ? incident.test_id : "");
    incidents.push_back(who + ":" + what + " " + std::string(incident.text));
    told_elsewhere += incident.told_elsewhere;
  }
  void flush() override {}
  void finish(bool is_completed, Time) override { completed = is_completed; }

  /// Whether an incident has this in its text. Each is asked for once.
  bool told(std::string_view text) {
    const auto found = std::ranges::find_if(
        incidents, [text](const std::string& each) { return each.find(text) != each.npos; });
    if (found == incidents.end()) return false;
    incidents.erase(found);
    return true;
  }

  bool repeats = false;  // tests run several times
  std::size_t expected = 0;
  std::map<std::string, std::string> statuses;           // of tests that have ended
  std::map<std::string, std::string> files;              // contents of all attachments, by test
  std::map<std::string, WorkerNumber> workers;           // that the ends came from
  std::map<std::string, std::vector<std::string>> tags;  // of the ends, as they are written
  std::map<std::string, std::uint32_t> seconds;          // of their timestamps
  std::vector<std::string> listed, incidents;
  std::size_t told_elsewhere = 0;  // incidents that a log need not show
  std::optional<bool> completed;
};

class PaperRun {
 public:
  explicit PaperRun(Options run_options = {}, Plan::Files files = {}, std::size_t channels = 1)
      : options(std::move(run_options)), plan(make_plan(options, std::move(files))) {
    run = std::make_unique<TestRun>(options, plan, channels, now);
    run->add_observer(seen);
    for (std::size_t i = 0; i < channels; ++i)
      run->add_channel({.name = "channel " + std::to_string(i),
                        .awaited = [] { return std::string("for the proxy to send Ready"); },
                        .how_far = [this] { return how_far; }});
    run->set_wall_clock({.seconds = 1'000'000, .nanoseconds = 0}, now);
    run->start(now);
    for (RemoteProxy& remote : run->channels()) remote.start(now);
  }

  // What the proxy and its servers say; `route` is that of the server.

  void says(const rpc::Announcement& announcement, std::size_t channel = 0,
            std::string_view route = "") {
    Buffer bytes;
    REQUIRE(
        rpc::encode_attachment(rpc::kProxyTestId, to_json(announcement), optional(route), bytes));
    arrives(as_text(bytes), channel);
  }
  void says(std::string_view route, const rpc::Message& message, std::size_t channel = 0) {
    Buffer bytes;
    REQUIRE(rpc::encode_attachment(rpc::kRpcTestId, *to_json(message), optional(route), bytes));
    arrives(as_text(bytes), channel);
  }
  void reports(std::string_view route, std::string_view id, Status status,
               std::optional<File> file = {}, std::size_t channel = 0) {
    arrives(packet({.test_id = id, .route_code = optional(route), .file = file, .status = status}),
            channel);
  }
  void begins(std::string_view route, std::string_view id) {
    reports(route, id, Status::kInProgress);
  }
  void passes(std::string_view route, std::string_view id) { reports(route, id, Status::kSuccess); }
  /// As a proxy fails the test in progress of a server that has ended.
  void proxy_fails(std::string_view route, std::string_view id, std::string_view why) {
    reports(route, id, Status::kFail, File{"subunit-proxy", as_bytes(why)});
  }
  void ready(int servers = 1, std::size_t channel = 0) {
    says(rpc::Ready{.proxy = "subunit-proxy/0",
                    .versions = {.max = 2, .min = 1},
                    .listening = {},
                    .expected = servers,
                    .revision = "1a"},
         channel);
  }
  /// A server connects and answers Hello.
  void opens(std::string_view route, std::size_t channel = 0, int version = 2) {
    attaches(route, channel);
    says(route, rpc::Hello{{.max = version, .min = 1}}, channel);
  }
  void attaches(std::string_view route, std::size_t channel = 0) {
    says(rpc::Attached{optional_string(route), "a server", {}}, channel);
  }
  void detaches(std::string_view route, std::string_view reason, std::size_t channel = 0) {
    says(rpc::Detached{optional_string(route), std::string(reason), {}, {}}, channel);
  }
  void alive(std::string_view route, std::optional<Time> cpu) {
    rpc::Alive alive;
    alive.servers.push_back(
        {.route = optional_string(route), .test = {}, .lasting = {}, .cpu = cpu});
    says(alive);
  }
  void arrives(std::string_view bytes, std::size_t channel = 0) {
    const Packet packet = *parse_packet(as_bytes(bytes));
    run->receive(remote(channel), packet, now);
    run->arrived(remote(channel), now);
  }
  void prints(std::string_view text, std::size_t channel = 0) {
    run->receive_noise(remote(channel), as_bytes(text), now);
    run->arrived(remote(channel), now);
  }
  void channel_ends(std::string_view how = "\"ssh\" exited with status 0",
                    std::size_t channel = 0) {
    run->channel_ended(remote(channel), how, now);
  }

  /// Time passes. `while_alive`: the proxy says each second that it is alive, and no more.
  void wait(Time time, bool while_alive = true) {
    const Time end = now + time;
    while (now < end) {
      const Time step = std::min(end, now + std::chrono::seconds(1));
      while (run->next_deadline() && *run->next_deadline() <= step) {
        const Time due = std::max(now, *run->next_deadline());
        now = due;
        run->tick(now);
        const auto next = run->next_deadline();
        REQUIRE_MESSAGE((!next || *next > due), "tick() leaves its deadline where it is");
      }
      now = step;
      if (while_alive && now < end && remote(0).expects_packets() && !remote(0).over())
        says(rpc::Alive{});
    }
  }

  /// What the client has said since this was asked last, a line each: "0 Run 1: a b" to server 0,
  /// "Respawn 1: why", "Goodbye". Not "Watch", which is said every now and then: see `watches`.
  std::vector<std::string> sent(std::size_t channel = 0) {
    const std::string bytes(as_text(remote(channel).pending_output()));
    remote(channel).consume_output(bytes.size());
    std::vector<std::string> lines;
    for (const std::string& each : decode(bytes).packets())
      lines.push_back(line_of(*parse_packet(as_bytes(each))));
    watches += std::erase(lines, "Watch");
    return lines;
  }
  /// One of these is `line`.
  bool sends(std::string_view line, std::size_t channel = 0) {
    const auto lines = sent(channel);
    return std::ranges::find(lines, line) != lines.end();
  }

  RemoteProxy& remote(std::size_t channel) { return *std::next(run->channels().begin(), channel); }
  [[nodiscard]] std::string status(const std::string& id) const {
    const auto found = seen.statuses.find(id);
    return found == seen.statuses.end() ? "" : found->second;
  }
  [[nodiscard]] const std::string& why(const std::string& id) { return seen.files[id]; }

  Time now = std::chrono::seconds(1000);
  std::size_t watches = 0;
  std::string how_far = "before the proxy sent Ready";  // each channel
  Options options;
  Plan plan;
  Record seen;
  std::unique_ptr<TestRun> run;

 private:
  static Plan make_plan(const Options& options, Plan::Files files) {
    auto plan = Plan::create(options, std::move(files));
    REQUIRE_MESSAGE(plan, plan.error().text);
    return std::move(*plan);
  }
  static std::optional<std::string_view> optional(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(text);
  }
  static std::optional<std::string> optional_string(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(std::string(text));
  }

  static std::string line_of(const Packet& packet) {
    const std::string to = packet.route_code ? std::string(*packet.route_code) + " " : "";
    if (const auto said = rpc::peek_announcement(packet)) {
      if (const auto* respawn = std::get_if<rpc::Respawn>(&*said))
        return to + "Respawn " + respawn->route.value_or("") + ": " + respawn->reason.value_or("");
      return to + (std::holds_alternative<rpc::Watch>(*said) ? "Watch" : "announcement");
    }
    const auto message = rpc::peek_message(packet);
    REQUIRE(message);
    if (const auto* list = std::get_if<rpc::List>(&*message)) return to + "List " + list->nonce;
    if (const auto* cancel = std::get_if<rpc::Cancel>(&*message))
      return to + "Cancel " + cancel->nonce;
    if (std::holds_alternative<rpc::Ping>(*message)) return to + "Ping";
    if (std::holds_alternative<rpc::Hello>(*message)) return to + "Hello";
    if (std::holds_alternative<rpc::Goodbye>(*message)) return to + "Goodbye";
    const auto& tests = std::get<rpc::Run>(*message);
    std::string line = to + "Run " + tests.nonce + ":";
    if (!tests.tests) return line + " all";
    for (const std::string& id : *tests.tests) line += " " + id;
    return line;
  }
};

/// Names these tests on the command line.
inline Options naming(std::vector<std::string> tests) {
  Options options;
  options.tests = std::move(tests);
  return options;
}

}  // namespace subunit::run
