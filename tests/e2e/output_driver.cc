// output_driver [--color WHEN] [--trace FILE] [--junit FILE] [--format FORMAT]: gives the outputs
// of a run what a runner would, so that a test decides what happens and when. Each line on stdin is
// a JSON object:
//
//     {"expect": 5}
//     {"left": 12.5}                           how long the rest takes, in seconds
//     {"id": "a.test"?, "status": 2?, "worker": 0?, "time": 1.5?, "tags": ["t"]?,
//      "file": "stdout"?, "text": "..."?}      a packet
//     {"attempted": 1, "id": "a.test", "worker": 0?}      an attempt has failed, and another
//     follows
//     {"incident": "slow", "worker": 0?, "id": "a.test"?, "text": "..."?}
//     {"log": "words"}                         a warning by somebody else
//     {"finish": true}                         whether the run is complete; the end

#include <unistd.h>

#include <cmath>
#include <csignal>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "common/report/ci/junit.h"
#include "common/subunit/encoder.h"
#include "proxy/io/handle.h"
#include "proxy/posix/output_file.h"
#include "proxy/run/output.h"
#include "proxy/run/report_output.h"

namespace {

using nlohmann::json;
using subunit::run::Incident;

class Driver : private subunit::run::View {
 public:
  Driver(uv_loop_t& loop, const proxy::RunOptions& options)
      : out_(loop, proxy::Fd(::dup(1)),
             {.progress = [] {}, .failed = [](const subunit::Error&) {}}),
        in_(loop, proxy::Fd(::dup(0)),
            {.room = [this] { return std::span<std::uint8_t>(room_); },
             .received = [this](std::size_t size) { received(size); },
             .ended = [](const subunit::Result<>&) { std::exit(3); }}),
        timer_(loop, [this] { write(); }),
        resized_(loop, SIGWINCH, [this] {
          for (const auto& output : outputs_) output->resized();
          write();
        }) {
    outputs_.push_back(proxy::make_incident_log(log_));
    outputs_.push_back(proxy::make_output(options, out_, *this, log_));
    if (options.trace) {
      auto file = proxy::open_output("the trace", *options.trace);
      if (!file) {
        log_.error("{}", file.error().text);
        std::exit(3);
      }
      outputs_.push_back(proxy::make_trace_output(*options.trace, std::move(*file), log_));
    }
    if (options.junit) {
      auto file = proxy::open_report("the JUnit report", *options.junit);
      if (!file) {
        log_.error("{}", file.error().text);
        std::exit(3);
      }
      const View& view = *this;
      outputs_.push_back(proxy::make_report_output(
          std::make_unique<subunit::report::JunitReport>(
              subunit::report::JunitReport::Options{.name = "driver", .start = proxy::wall_clock()},
              view, proxy::precise_now()),
          std::move(*file), log_));
    }
    in_.resume();
    write();
  }

  [[nodiscard]] bool over() const { return out_.over(); }

 private:
  void received(std::size_t size) {
    lines_.append(reinterpret_cast<const char*>(room_.data()), size);
    for (std::size_t end = 0; (end = lines_.find('\n')) != std::string::npos;) {
      obey(json::parse(lines_.substr(0, end)));
      lines_.erase(0, end + 1);
    }
    tell([](Observer& observer) { observer.flush(); });
    write();
  }

  [[nodiscard]] const subunit::verdict::Ledger& ledger() const override { return ledger_; }
  [[nodiscard]] const subunit::run::RunningTests& running() const override { return running_; }
  [[nodiscard]] std::optional<subunit::Time> time_left(subunit::Time) const override {
    return left_;
  }

  using Observer = subunit::run::Observer;
  void tell(const std::function<void(Observer&)>& what) {
    for (const auto& output : outputs_) what(output->observer());
  }

  void write() {
    std::optional<subunit::Time> next;
    for (const auto& output : outputs_) {
      output->write(proxy::precise_now());
      next = subunit::earlier(next, output->next_deadline());
    }
    next ? timer_.start(std::max(*next - proxy::precise_now(), subunit::Time(0))) : timer_.stop();
  }

  void obey(const json& order) {
    if (order.contains("expect")) {
      tell([&order](Observer& observer) { observer.expect(order["expect"]); });
    } else if (order.contains("left")) {
      left_ = nanoseconds(order["left"]);
    } else if (order.contains("log")) {
      log_.warning("{}", order["log"].get<std::string>());
    } else if (order.contains("attempted")) {
      attempted(order);
    } else if (order.contains("incident")) {
      happened(order);
    } else if (order.contains("finish")) {
      tell(
          [&order](Observer& observer) { observer.finish(order["finish"], proxy::precise_now()); });
      for (const auto& output : outputs_) output->close(proxy::precise_now());
      outputs_.clear();
      out_.finish();
      in_.close();
    } else {
      packet(order);
    }
  }

  static std::chrono::nanoseconds nanoseconds(double seconds) {
    return std::chrono::nanoseconds(std::llround(seconds * 1e9));
  }

  static std::optional<subunit::run::WorkerNumber> worker_of(const json& order) {
    if (!order.contains("worker")) return std::nullopt;
    return order["worker"].get<subunit::run::WorkerNumber>();
  }

  void attempted(const json& order) {
    const std::string id = order["id"];
    const auto now = proxy::precise_now();
    const subunit::run::Attempt attempt{.test_id = id,
                                        .number = order["attempted"],
                                        .status = subunit::Status::kFail,
                                        .worker = worker_of(order),
                                        .began = now,
                                        .ended = now};
    tell([&attempt](Observer& observer) { observer.attempted(attempt); });
  }

  void happened(const json& order) {
    const std::map<std::string, Incident::Kind> kinds{{"attached", Incident::Kind::kAttached},
                                                      {"gone", Incident::Kind::kGone},
                                                      {"slow", Incident::Kind::kSlow},
                                                      {"trouble", Incident::Kind::kTrouble}};
    const std::string id = order.value("id", "");
    const std::string text = order.value("text", "");
    const Incident incident{.kind = kinds.at(order["incident"]),
                            .worker = worker_of(order),
                            .test_id = id,
                            .text = text};
    if (incident.kind == Incident::Kind::kGone && incident.worker) running_.clear(*incident.worker);
    tell([&incident](Observer& observer) { observer.happened(incident, proxy::precise_now()); });
  }

  void packet(const json& order) {
    const std::string id = order.value("id", "");
    const std::string file = order.value("file", "");
    const std::string text = order.value("text", "");
    const auto names = order.value("tags", std::vector<std::string>());
    const std::vector<std::string_view> tags(names.begin(), names.end());
    subunit::Fields fields{.status = static_cast<subunit::Status>(order.value("status", 0))};
    if (!id.empty()) fields.test_id = id;
    if (!file.empty()) {
      fields.file = subunit::File{file, subunit::as_bytes(text)};
      fields.mime_type = "text/plain;charset=utf8";
    }
    if (order.contains("time")) {
      const auto time = nanoseconds(order["time"]).count();
      fields.timestamp = subunit::Timestamp{static_cast<std::uint32_t>(time / 1'000'000'000),
                                            static_cast<std::uint32_t>(time % 1'000'000'000)};
    }
    subunit::Buffer raw;
    if (const auto encoded = encode(fields, tags, raw); !encoded) {
      log_.error("{}", encoded.error().text);
      std::exit(3);
    }
    const subunit::Packet packet = *subunit::parse_packet(raw);
    ledger_.record(packet);
    const auto worker = worker_of(order);
    tell([&](Observer& observer) {
      observer.packet(packet, worker, proxy::precise_now());
      observer.flush();
    });
    running_.record(packet, worker, proxy::precise_now());
  }

  proxy::Screen screen_{STDERR_FILENO};
  proxy::Log log_{proxy::LogLevel::kWarning, screen_};
  subunit::verdict::Ledger ledger_;
  subunit::run::RunningTests running_;
  std::optional<subunit::Time> left_;
  proxy::Writer out_;
  std::vector<std::unique_ptr<proxy::Output>> outputs_;
  std::array<std::uint8_t, 65536> room_{};
  std::string lines_;
  proxy::Reader in_;
  proxy::Timer timer_;
  proxy::SignalWatch resized_;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  proxy::RunOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--trace") options.trace = value;
    if (name == "--junit") options.junit = value;
    if (name == "--live") options.live = value == "yes";
    if (name == "--format" && value == "subunit") options.format = proxy::Format::kSubunit;
    if (name == "--color")
      options.color = value == "always" ? proxy::ColorMode::kAlways : proxy::ColorMode::kNever;
  }
  proxy::Loop loop;
  Driver driver(loop.get(), options);
  loop.run_until([&driver] { return driver.over(); });
}
