#pragma once

// What a run tells to whoever shows it, and what it answers when it is asked.

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/base/time.h"
#include "common/run/running_tests.h"
#include "common/subunit/packet.h"
#include "common/verdict/ledger.h"

namespace subunit::run {

/// Something that happened in a run and is not a packet.
struct Incident {
  enum class Kind {
    kAttached,  ///< a server is there and answers
    kGone,      ///< a server is lost: it ended, or had to be ended, before its time
    kSlow,      ///< the test has taken longer than --slow
    kTrouble,   ///< something to warn of: a channel lost, a server that hangs
    kError,     ///< nothing of what was asked for can be done
    kNote,      ///< something for those who look into a problem
  };
  Kind kind;
  std::optional<WorkerNumber> worker = std::nullopt;
  std::string_view test_id = {};  ///< "": of no test in particular
  std::string_view text = {};     ///< for a person: what, and why
};

/// Whoever shows a run, or keeps a record of it. Every `now` is on the clock of the run and never
/// goes back.
class Observer {
 public:
  virtual ~Observer() = default;

  /// So many tests are going to run.
  virtual void expect(std::size_t tests) = 0;

  /// A result, an attachment, a listed test: anything but the protocol's own messages. The ledger
  /// has it already, and the running tests have it after this. Its bytes stay valid until flush().
  /// `worker`: where it comes from; nothing for what comes from no server, such as the noise of a
  /// channel, or the failure of a test that never began.
  virtual void packet(const Packet& packet, std::optional<WorkerNumber> worker, Time now) = 0;

  virtual void happened(const Incident& incident, Time now) = 0;

  /// Everything that arrived together has been told.
  virtual void flush() = 0;

  /// Nothing more will come. `completed`: everything that was asked for was answered, and the
  /// session ended as the protocol says.
  virtual void finish(bool completed, Time now) = 0;
};

/// What an observer may ask about the run.
class View {
 public:
  virtual ~View() = default;
  [[nodiscard]] virtual const verdict::Ledger& ledger() const = 0;
  [[nodiscard]] virtual const RunningTests& running() const = 0;
  /// The command of a channel may be asking for a password, on the terminal.
  [[nodiscard]] virtual bool may_be_asking() const { return false; }
  /// How long the rest will take, if that can be estimated.
  [[nodiscard]] virtual std::optional<Time> time_left(Time now) const = 0;
};

}  // namespace subunit::run
