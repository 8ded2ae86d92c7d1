#pragma once

#include <memory>
#include <optional>

#include "common/run/observer.h"
#include "proxy/io/stream.h"
#include "proxy/posix/fd.h"
#include "proxy/posix/log.h"
#include "proxy/run/run.h"

namespace proxy {

/// A report of a run on its way to where it is shown.
class Output {
 public:
  virtual ~Output() = default;

  /// What is to be told what happens.
  [[nodiscard]] virtual subunit::run::Observer& observer() = 0;
  /// Writes what there is to write. To be called after each event, and at next_deadline().
  virtual void write(subunit::Time now) = 0;
  [[nodiscard]] virtual std::optional<subunit::Time> next_deadline() const { return std::nullopt; }
  /// A person has pressed this key.
  virtual void pressed(char /*key*/, subunit::Time /*now*/) {}
  /// The terminal has another size.
  virtual void resized() {}
  /// The observer has been told the end.
  virtual void close(subunit::Time now) { write(now); }
  /// After close(): what somebody has asked for could not be written, as the log says.
  [[nodiscard]] virtual bool failed() const { return false; }
};

/// The output on stdout. `out`, `view` and `log` are the caller's, and live longer.
[[nodiscard]] std::unique_ptr<Output> make_output(const RunOptions& options, Writer& out,
                                                  const subunit::run::View& view, const Log& log);

/// Whether a step of GitHub Actions is told of the run. Then what tests print must not command its
/// runner: see report::without_commands().
[[nodiscard]] bool annotates_for_github(const RunOptions& options);

/// Writes an incident to the log, as a warning if something is lost or wrong, and not at all if it
/// is a slow test, which is not.
void log_incident(const Log& log, const subunit::run::Incident& incident);

/// Writes all incidents to the log.
[[nodiscard]] std::unique_ptr<Output> make_incident_log(const Log& log);

/// Writes the run to a file as a Trace. `path` is its name, for people. What goes wrong with it is
/// told in the log once, at the end, and costs nothing else. At most a second of the run is held
/// back, so that the file of one that is cut off is of use.
[[nodiscard]] std::unique_ptr<Output> make_trace_output(const std::string& path, Fd file,
                                                        const Log& log);

}  // namespace proxy
