#pragma once

// A run that a test makes up, told to one report.

#include <string>
#include <string_view>

#include "common/run/observer.h"
#include "common/verdict/ledger.h"
#include "tests/unit/streams.h"

namespace subunit::report {

class ReportRun : public run::View {
 public:
  using Worker = std::optional<run::WorkerNumber>;

  /// The caller's, and lives longer.
  void tell(run::Observer& observer) { observer_ = &observer; }

  void packet(const Fields& fields, Worker worker = 0, TagList tags = {}) {
    const std::string raw = subunit::packet(fields, tags);
    const Packet packet = *parse_packet(as_bytes(raw));
    ledger_.record(packet);
    observer_->packet(packet, worker, now);
    running_.record(packet, worker, now);
  }
  void begin(std::string_view id, Worker worker = 0) {
    packet({.test_id = id, .status = Status::kInProgress}, worker);
  }
  void attach(std::string_view id, std::string_view name, std::string_view text) {
    Fields fields{.mime_type = "text/plain;charset=utf8", .file = File{name, as_bytes(text)}};
    if (!id.empty()) fields.test_id = id;
    packet(fields);
  }
  void end(std::string_view id, Status status = Status::kSuccess, Worker worker = 0,
           TagList tags = {}) {
    packet({.test_id = id, .status = status}, worker, tags);
  }
  /// The whole of a test that takes 250 ms, and has `text` in its file `name`.
  void run(std::string_view id, Status status = Status::kSuccess, std::string_view name = "",
           std::string_view text = "") {
    begin(id);
    if (!name.empty()) attach(id, name, text);
    now += std::chrono::milliseconds(250);
    end(id, status);
  }
  /// An attempt has failed, and another one follows.
  void attempted(std::string_view id, int number) {
    observer_->attempted({.test_id = id,
                          .number = number,
                          .status = Status::kFail,
                          .worker = 0,
                          .began = now - std::chrono::seconds(1),
                          .ended = now});
  }
  void happened(const run::Incident& incident) { observer_->happened(incident, now); }
  void finish(bool completed = true) { observer_->finish(completed, now); }

  Time now = std::chrono::seconds(100);
  std::string channel = "ssh board subunit-proxy serve";
  std::string why;  ///< the run cannot be completed

  [[nodiscard]] const verdict::Ledger& ledger() const override { return ledger_; }
  [[nodiscard]] const run::RunningTests& running() const override { return running_; }
  [[nodiscard]] std::string_view channel_of(run::WorkerNumber) const override { return channel; }
  [[nodiscard]] std::string_view problem() const override { return why; }
  [[nodiscard]] std::optional<Time> time_left(Time) const override { return std::nullopt; }

 private:
  run::Observer* observer_ = nullptr;
  verdict::Ledger ledger_;
  run::RunningTests running_;
};

}  // namespace subunit::report
