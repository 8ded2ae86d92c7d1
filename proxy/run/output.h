#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "common/subunit/packet.h"
#include "common/verdict/ledger.h"
#include "proxy/io/stream.h"
#include "proxy/posix/log.h"
#include "proxy/run/incident.h"
#include "proxy/run/options.h"

namespace proxy {

/// What comes out of a run, in one of the formats.
class Output {
 public:
  virtual ~Output() = default;

  /// So many tests are going to run.
  virtual void expect(std::size_t tests) = 0;

  /// A result, an attachment, a listed test: anything but the protocol's own messages. The ledger
  /// has it already. Its bytes stay valid until flush(). `worker`: the server it comes from;
  /// nothing for what comes from none, such as the noise of a channel, or the failure of a test
  /// that never began.
  virtual void packet(const subunit::Packet& packet, std::optional<WorkerNumber> worker) = 0;

  virtual void happened(const Incident& incident) = 0;

  /// What came in one go is over.
  virtual void flush() = 0;

  /// Nothing more will come. `completed`: all that was asked for was answered, and the session
  /// ended by the protocol.
  virtual void finish(bool completed) = 0;
};

/// What an output may ask about the run. All of it outlives the output.
struct RunView {
  const subunit::verdict::Ledger& ledger;
  /// How long the rest will take, if that can be told.
  std::function<std::optional<subunit::Time>()> time_left;
};

/// The output on stdout. `out` and `log` are the caller's, and live longer. Whatever the format,
/// incidents to warn of go to the log: the caller need not say them again.
[[nodiscard]] std::unique_ptr<Output> make_output(const RunOptions& options, Writer& out,
                                                  const RunView& view, uv_loop_t& loop,
                                                  const Log& log);

}  // namespace proxy
