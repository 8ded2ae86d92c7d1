#include "proxy/run/runner.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/base/shell_words.h"
#include "common/base/text.h"
#include "common/report/ci/junit.h"
#include "common/report/html/html_report.h"
#include "proxy/io/handle.h"
#include "proxy/run/github_output.h"
#include "proxy/run/plan_files.h"

namespace proxy {

using subunit::Bytes;
using subunit::Packet;
using subunit::Result;
using subunit::Time;
using subunit::run::Hooks;
using subunit::run::RemoteProxy;

namespace {

// Somebody has interrupted the run, and waits for its end.
constexpr auto kFlushTimeout = std::chrono::seconds(2);

// The schedule log, where it is a pipe: what waits for its reader, and how long the end waits for
// one that takes nothing, and for one that is slow.
constexpr std::size_t kMaxUnlogged = 8 << 20;
constexpr auto kQuiet = std::chrono::seconds(1);
constexpr auto kLastWords = std::chrono::seconds(5);

/// A report is named after its file: "results" for "dir/results.xml".
std::string name_of(const ReportFile& file) {
  return std::filesystem::path(file.path).stem().string();
}

std::vector<std::string> channel_commands(const RunOptions& options) {
  std::vector<std::string> commands;
  for (const auto& words : options.channels) {
    std::string& command = commands.emplace_back();
    for (const std::string& word : words)
      command += (command.empty() ? "" : " ") + subunit::shell_quote(word);
  }
  return commands;
}

}  // namespace

Runner::Runner(uv_loop_t& loop, const RunOptions& options, subunit::run::Plan& plan, Files files,
               Fd out, const Log& log)
    : loop_(loop),
      options_(options),
      plan_(plan),
      log_(log),
      out_(loop, std::move(out),
           {.progress = [this] { settle(); },
            .failed = [this](const subunit::Error& error) { output_failed(error.text); }}),
      run_(options, plan, options.channels.size(), precise_now()),
      hooks_(options.hooks, channel_commands(options)),
      signals_(loop, [this](const char*) { interrupt(); }),
      resized_(loop, SIGWINCH, [this] { resized(); }),
      timer_(loop,
             [this] {
               // Before a time-out is judged, all that has come by now is taken in.
               for (Line& line : lines_)
                 if (!full_ && line.is_open()) line.channel->catch_up();
               run_.set_wall_clock(wall_clock(), precise_now());
               if (!concluded_) run_.tick(precise_now());
               hooks_.tick(precise_now());
               settle();
             }),
      output_failed_timer_(loop,
                           [this] {
                             run_.output_lost(output_problem_, precise_now());
                             settle();
                           }),
      flush_timer_(loop, [this] {
        if (!out_.over()) output_failed("nobody reads it");
      }) {
  if (files.schedule_log)
    schedule_log_.emplace(std::move(files.schedule_log),
                          BackgroundWriter::Limits{.queue = kMaxUnlogged});
  if (options.live && options.load_list != "-")
    keys_.emplace(loop, [this](char key) { pressed(key); });
  add_outputs(std::move(files));
  add_lines();
}

void Runner::start() {
  run_.set_wall_clock(wall_clock(), precise_now());
  run_.start(precise_now());
  hooks_.begin(precise_now());
  settle();
}

void Runner::add_outputs(Files files) {
  outputs_.push_back(make_incident_log(log_));
  outputs_.push_back(make_output(options_, out_, run_, log_));
  if (files.trace)
    outputs_.push_back(make_trace_output(*options_.trace, std::move(files.trace), log_));
  if (annotates_for_github(options_)) outputs_.push_back(make_github_output(run_, log_));
  if (files.junit) outputs_.push_back(make_junit_output(std::move(*files.junit)));
  if (files.html) outputs_.push_back(make_html_output(std::move(*files.html)));
  for (const auto& output : outputs_) run_.add_observer(output->observer());
}

std::unique_ptr<Output> Runner::make_junit_output(ReportFile file) {
  const bool has_places = options_.junit_places || std::getenv("GITLAB_CI");
  auto report = std::make_unique<subunit::report::JunitReport>(
      subunit::report::JunitReport::Options{.name = name_of(file),
                                            .start = wall_clock(),
                                            .places = has_places ? places_here() : nullptr},
      run_, precise_now());
  return make_report_output(std::move(report), std::move(file), log_);
}

std::unique_ptr<Output> Runner::make_html_output(ReportFile file) {
  const auto& history = plan_.history();
  auto report = std::make_unique<subunit::report::HtmlReport>(
      subunit::report::HtmlReport::Options{
          .name = name_of(file),
          .start = wall_clock(),
          .again_before = options_.again.before,
          .again_after = options_.again.after,
          // The plan's own changes while tests end.
          .history =
              history ? std::make_shared<const subunit::schedule::Durations>(*history) : nullptr},
      run_, precise_now());
  return make_report_output(std::move(report), std::move(file), log_);
}

void Runner::add_lines() {
  for (const auto& command : options_.channels) {
    Line& line = lines_.emplace_back();
    line.number = lines_.size() - 1;
    line.remote = &run_.add_channel({.name = subunit::run::channel_name(command),
                                     .awaited = [&line] { return line.channel->awaited(); },
                                     .how_far = [&line] { return line.channel->how_far(); }});
  }
}

Channel::Events Runner::events_of(Line& line) {
  return {.packet =
              [this, &line](const Packet& packet) {
                run_.receive(*line.remote, packet, precise_now());
                // At once: a line feed stands behind its Ready.
                if (line.remote->heard_proxy()) line.channel->expect_line_feeds();
              },
          .noise = [this,
                    &line](Bytes bytes) { run_.receive_noise(*line.remote, bytes, precise_now()); },
          .batch =
              [this, &line] {
                run_.arrived(*line.remote, precise_now());
                settle();
              },
          .preparing =
              [this, &line] {
                line.remote->preparing(precise_now());
                settle();
              },
          .ended =
              [this, &line] {
                run_.channel_ended(*line.remote, line.channel->end_text(), precise_now());
                settle();
              }};
}

/// Does what the run wants done, now that it has been told what happened.
void Runner::settle() {
  carry_on();
  // Before that, what is typed may be the answer to a question of ssh.
  if (keys_ && !run_.may_be_asking()) keys_->listen();
  const Time now = precise_now();
  for (const auto& output : outputs_) output->write(now);
  if (schedule_log_) write_schedule_log();
  regulate();
  if (run_.over() && !concluded_) {
    conclude();
    hooks_.run_over(run_.exit_status(), precise_now());
    carry_on();
  }
  if (concluded_ && hooks_.over() && !std::exchange(leftovers_told_, true)) tell_of_leftovers();
  std::optional<Time> next = subunit::earlier(run_.next_deadline(), hooks_.next_deadline());
  for (const auto& output : outputs_) next = subunit::earlier(next, output->next_deadline());
  next ? timer_.start(std::max(*next - now, Time(0))) : timer_.stop();
}

void Runner::carry_on() {
  do
    for (Line& line : lines_) pump(line);
  while (follow_hooks());
}

/// Returns whether there was anything to do.
bool Runner::follow_hooks() {
  bool any = false;
  while (const auto order = hooks_.next_order()) {
    any = true;
    if (const auto* start = std::get_if<Hooks::Start>(&*order)) {
      start_hook(*start);
    } else if (const auto* stop = std::get_if<Hooks::Stop>(&*order)) {
      hook_processes_[stop->hook].stop(stop->grace);
    } else if (const auto* channel = std::get_if<Hooks::OpenChannel>(&*order)) {
      open(lines_[channel->channel]);
    } else if (const auto* refused = std::get_if<Hooks::RefuseChannel>(&*order)) {
      refuse(lines_[refused->channel], refused->problem);
    } else if (const auto* said = std::get_if<Hooks::Tell>(&*order)) {
      tell(*said);
    } else if (const auto* shown = std::get_if<Hooks::Show>(&*order)) {
      log_.notice("{}", shown->line);
    }
  }
  return any;
}

void Runner::start_hook(const Hooks::Start& start) {
  const Hooks::Number number = start.hook;
  hook_names_.push_back(start.name);
  HookProcess& process = hook_processes_.emplace_back(
      loop_, HookProcess::Events{.printed =
                                     [this, number](Bytes bytes) {
                                       hooks_.printed(number, bytes, precise_now());
                                       settle();
                                     },
                                 .ended =
                                     [this, number](const std::optional<std::string>& failure) {
                                       hooks_.ended(number, failure, precise_now());
                                       settle();
                                     }});
  if (const auto started = process.start(start); !started)
    hooks_.ended(number, fmt::format("could not be started: {}", started.error().text),
                 precise_now());
}

void Runner::open(Line& line) {
  if (line.remote->leaving()) return refuse(line, "the run ended before this channel was needed");
  Channel& channel = line.channel.emplace(loop_, options_.line, events_of(line), log_);
  if (const auto started = channel.start(options_.channels[line.number]); !started)
    return refuse(line, started.error().text);
  if (full_) channel.set_flow(false);
  line.remote->start(precise_now());
}

void Runner::refuse(Line& line, const std::string& problem) {
  if (lines_.size() > 1 && !line.remote->leaving()) log_.warning("{}", problem);
  line.remote->fail_to_start(problem);
  run_.tick(precise_now());
}

void Runner::tell(const Hooks::Tell& tell) {
  const subunit::run::Incident incident{.kind = tell.kind, .text = tell.text};
  // The observers have been told the end.
  run_.over() ? log_incident(log_, incident) : run_.happened(incident, precise_now());
}

void Runner::tell_of_leftovers() {
  for (std::size_t number = 0; number < hook_processes_.size(); ++number) {
    const std::string left = hook_processes_[number].left_running();
    if (!left.empty()) log_.notice("{} has left running: {}", hook_names_[number], left);
  }
}

void Runner::pump(Line& line) {
  RemoteProxy& remote = *line.remote;
  if (remote.over()) {
    if (!std::exchange(line.over, true)) hooks_.channel_over(line.number, precise_now());
    return;
  }
  if (!line.channel) {
    if (remote.leaving()) hooks_.give_up(line.number, precise_now());
    return;
  }
  Channel& channel = *line.channel;
  if (remote.expects_packets() && !std::exchange(line.expects_packets, true))
    channel.expect_packets();
  if (const Bytes output = remote.pending_output(); !output.empty()) {
    channel.send(output);
    remote.consume_output(output.size());
  }
  if (remote.finished() && !std::exchange(line.finished, true)) channel.finish();
  if (remote.hang_up() != line.hung_up) {
    line.hung_up = remote.hang_up();
    channel.hang_up(*line.hung_up);
  }
}

/// Channels are read as long as the outputs take what comes of it.
void Runner::regulate() {
  if (full_ == out_.congested()) return;
  full_ = out_.congested();
  run_.set_flow(!full_, precise_now());
  for (Line& line : lines_)
    if (line.is_open()) line.channel->set_flow(!full_);
}

int Runner::exit_status() const {
  const int status = run_.exit_status();
  return status == 0 && report_failed_ ? 3 : status;
}

void Runner::write_schedule_log() {
  const std::string_view lines = plan_.pending_log();
  if (lines.empty()) return;
  if (!schedule_log_->write(std::string(lines))) unlogged_ += lines.size();
  plan_.consume_log();
}

void Runner::conclude() {
  concluded_ = true;
  if (keys_) keys_->stop();
  for (const auto& output : outputs_) {
    output->close(precise_now());
    report_failed_ |= output->failed();
  }
  outputs_.clear();
  if (!run_.problem().empty()) log_.error("{}", run_.problem());
  if (schedule_log_) finish_schedule_log();
  if (options_.history && !options_.list) {
    if (const auto saved = replace_history(*options_.history, *plan_.history()); !saved)
      log_.error("{}", saved.error().text);
  }
  run_.is_output_lost() ? out_.close() : out_.finish();
  if (interrupted_) flush_timer_.start(kFlushTimeout);
}

void Runner::finish_schedule_log() {
  unlogged_ += schedule_log_->flush(kQuiet, kLastWords);
  const int error = schedule_log_->error();
  if (error == 0 && unlogged_ == 0) return;
  log_.error(
      "cannot write the schedule log \"{}\": {}", subunit::escaped(*options_.schedule_log),
      error != 0 ? std::strerror(error) : fmt::format("nobody has read {} bytes of it", unlogged_));
}

void Runner::interrupt() {
  interrupted_ = true;
  hooks_.interrupt(precise_now());
  if (!run_.over()) {
    run_.interrupt(precise_now());
  } else if (!out_.over()) {
    output_failed("nobody waits for the rest");
  }
  settle();
}

void Runner::pressed(char key) {
  if (key == 'q') return interrupt();
  for (const auto& output : outputs_) output->pressed(key, precise_now());
  settle();
}

void Runner::resized() {
  for (const auto& output : outputs_) output->resized();
  settle();
}

void Runner::output_failed(const std::string& why) {
  output_problem_ = fmt::format("cannot write the results to stdout: {}", why);
  // This may come from within the run.
  if (!run_.over()) return output_failed_timer_.start(Time(0));
  run_.output_lost(output_problem_, precise_now());
  log_.error("{}", output_problem_);
  out_.close();
}

}  // namespace proxy
