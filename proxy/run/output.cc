#include "proxy/run/output.h"

#include <cstdlib>

#include "common/report/ci/github.h"
#include "common/report/human_report.h"
#include "common/report/id_list.h"
#include "proxy/io/packet_reader.h"

namespace proxy {

using subunit::Time;
using subunit::report::HumanReport;
using subunit::report::IdList;
using subunit::run::Incident;
using subunit::run::Observer;
using subunit::run::View;
using subunit::run::WorkerNumber;

namespace {

/// Packets, as they are.
class SubunitOutput : public Output, private Observer {
 public:
  explicit SubunitOutput(Writer& out) : run_(out) {}

  Observer& observer() override { return *this; }
  void write(Time) override {}

 private:
  void expect(std::size_t) override {}
  void packet(const subunit::Packet& packet, std::optional<WorkerNumber>, Time) override {
    run_.add(packet.raw);
  }
  void happened(const Incident&, Time) override {}
  void flush() override { run_.flush(); }
  void finish(bool, Time) override { flush(); }

  PacketRun run_;
};

class IdOutput : public Output {
 public:
  explicit IdOutput(Writer& out) : out_(out), list_(out.to_terminal()) {}

  Observer& observer() override { return list_; }
  void write(Time) override {
    out_.send(subunit::as_bytes(list_.pending_output()));
    list_.consume_output();
  }

 private:
  Writer& out_;
  IdList list_;
};

/// What --color says stands above NO_COLOR (https://no-color.org), which counts if it is set and
/// not empty.
bool wants_color(ColorMode mode, bool capable_terminal) {
  if (mode != ColorMode::kAuto) return mode == ColorMode::kAlways;
  const char* const no_color = std::getenv("NO_COLOR");
  return capable_terminal && !(no_color && *no_color);
}

class HumanOutput : public Output {
 public:
  HumanOutput(const RunOptions& options, Writer& out, const View& view, const Log& log)
      : out_(out),
        is_for_github_(annotates_for_github(options)),
        screen_(log.screen()),
        has_status_line_(screen_.has_status_line()),
        report_({.has_status_line = has_status_line_,
                 .colored_stdout = wants_color(options.color, out.to_capable_terminal()),
                 .colored_stderr = wants_color(options.color, has_status_line_),
                 .full_tracebacks = options.full_tracebacks,
                 .live = options.live},
                view, precise_now()) {}

  Observer& observer() override { return report_; }
  std::optional<Time> next_deadline() const override { return report_.next_deadline(); }
  void write(Time now) override;
  void close(Time now) override {
    screen_.show_status("");
    write(now);
  }
  void pressed(char key, Time now) override {
    if (key == 't') report_.add_running(now);
    if (key == '\n' || key == '\r') report_.add_mark(now);
  }
  void resized() override { report_.resized(); }

 private:
  Writer& out_;
  const bool is_for_github_;
  Screen& screen_;
  const bool has_status_line_;
  HumanReport report_;
};

void HumanOutput::write(Time now) {
  const auto due = report_.next_deadline();
  if (due && *due <= now) {
    if (!has_status_line_) {
      report_.add_progress_line(now);
    } else if (out_.queued() == 0) {
      // The last column stays free: writing there makes some terminals wrap.
      screen_.show_status(report_.status_line(screen_.columns() - 1, now));
    } else {
      // Failures are on their way to what may be the same terminal: it would end up among them.
      report_.postpone_status_line(now);
    }
  }
  if (!report_.pending_lines().empty()) screen_.print(report_.pending_lines());
  report_.consume_lines();
  if (report_.pending_output().empty()) return;
  screen_.show_status("");
  const std::string text = is_for_github_
                               ? subunit::report::without_commands(report_.pending_output())
                               : std::string(report_.pending_output());
  out_.send(subunit::as_bytes(text));
  report_.consume_output();
}

class IncidentLog : public Output, private Observer {
 public:
  explicit IncidentLog(const Log& log) : log_(log) {}

  Observer& observer() override { return *this; }
  void write(Time) override {}

 private:
  void expect(std::size_t) override {}
  void packet(const subunit::Packet&, std::optional<WorkerNumber>, Time) override {}
  void happened(const Incident& incident, Time) override { log_incident(log_, incident); }
  void flush() override {}
  void finish(bool, Time) override {}

  const Log& log_;
};

}  // namespace

void log_incident(const Log& log, const Incident& incident) {
  const std::string who = incident.worker ? fmt::format("worker-{}: ", *incident.worker) : "";
  const auto text_or = [&incident](std::string_view otherwise) {
    return incident.text.empty() ? otherwise : incident.text;
  };
  switch (incident.kind) {
    case Incident::Kind::kAttached:
      return log.info("{}{}", who, text_or("a test server is attached"));
    case Incident::Kind::kNotice:
      return log.notice("{}{}", who, incident.text);
    case Incident::Kind::kNote:
      return log.info("{}{}", who, incident.text);
    case Incident::Kind::kGone:
      if (incident.told_elsewhere) return log.info("{}{}", who, incident.text);
      return log.warning("{}{}", who, text_or("lost the test server"));
    case Incident::Kind::kTrouble:
      return log.warning("{}{}", who, incident.text);
    case Incident::Kind::kError:
      return log.error("{}{}", who, incident.text);
    case Incident::Kind::kSlow:
      return;
  }
}

std::unique_ptr<Output> make_output(const RunOptions& options, Writer& out, const View& view,
                                    const Log& log) {
  if (options.format == Format::kSubunit) return std::make_unique<SubunitOutput>(out);
  if (options.list) return std::make_unique<IdOutput>(out);
  return std::make_unique<HumanOutput>(options, out, view, log);
}

bool annotates_for_github(const RunOptions& options) {
  if (options.list) return false;
  if (options.annotate != Annotate::kAuto) return options.annotate == Annotate::kGithub;
  const char* const actions = std::getenv("GITHUB_ACTIONS");
  return actions && *actions;
}

std::unique_ptr<Output> make_incident_log(const Log& log) {
  return std::make_unique<IncidentLog>(log);
}

}  // namespace proxy
