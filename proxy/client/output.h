#pragma once

#include <memory>
#include <string_view>

#include "common/subunit/packet.h"
#include "common/verdict/ledger.h"
#include "proxy/client/options.h"
#include "proxy/io/stream.h"

namespace proxy {

/// What comes out of a run, in one of the formats, on stdout.
class Output {
 public:
  virtual ~Output() = default;

  /// So many tests are going to run.
  virtual void expect(std::size_t tests) = 0;

  /// A result, an attachment, a listed test: anything but the protocol's own messages. The ledger
  /// has it already. Its bytes stay valid until flush().
  virtual void packet(const subunit::Packet& packet) = 0;

  /// What came in one go is over.
  virtual void flush() = 0;

  /// Nothing more will come. `completed`: all that was asked for was answered, and the session
  /// ended by the protocol.
  virtual void finish(bool completed) = 0;
};

/// `out` and `ledger` are the caller's, and live longer. `listing`: the packets are those of a
/// list.
[[nodiscard]] std::unique_ptr<Output> make_output(Format format, bool listing, Writer& out,
                                                  const subunit::Ledger& ledger, uv_loop_t& loop);

}  // namespace proxy
