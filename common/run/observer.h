#pragma once

// What a run tells to whoever shows it, and what it answers when it is asked.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
    kNotice,    ///< something to know, with which nothing is wrong
    kNote,      ///< something for those who look into a problem
  };
  Kind kind;
  std::optional<WorkerNumber> worker = std::nullopt;
  std::string_view test_id = {};  ///< "": of no test in particular
  std::string_view text = {};     ///< for a person: what, and why
  /// The text is told without this: it is the run's problem, told at its end, or that of another
  /// server before.
  bool told_elsewhere = false;
};

/// A test that has failed and runs again: an attempt that is not the last one. What it attached
/// went to the observers before, the first one's under its own names, that of the Nth with
/// "attempt-N/" before the name. Its final status did not: a test has one, that of its last
/// attempt.
struct Attempt {
  std::string_view test_id;
  int number;     ///< from 1
  Status status;  ///< a failure
  std::optional<WorkerNumber> worker;
  Time began{};
  Time ended{};
};

/// Whoever shows a run, or keeps a record of it. Every `now` is on the clock of the run and never
/// goes back.
class Observer {
 public:
  virtual ~Observer() = default;

  /// So many tests are going to run, beside those of which that was said before.
  virtual void expect(std::size_t tests) = 0;

  /// A result, an attachment, a listed test: anything but the protocol's own messages. The ledger
  /// has it already, and the running tests have it after this. Its bytes stay valid until flush().
  /// `worker`: where it comes from; nothing for what comes from no server, such as the noise of a
  /// channel, or the failure of a test that never began.
  virtual void packet(const Packet& packet, std::optional<WorkerNumber> worker, Time now) = 0;

  virtual void happened(const Incident& incident, Time now) = 0;

  virtual void attempted(const Attempt& /*attempt*/) {}

  /// Everything that arrived together has been told.
  virtual void flush() = 0;

  /// Nothing more will come. `completed`: everything that was asked for was answered, and the
  /// session ended as the protocol says.
  virtual void finish(bool completed, Time now) = 0;
};

/// How many tests have ended in a way that their status alone does not tell; see tags.h. (Tags do
/// not tell it for certain: a test may bring some of its own, such as a mark of pytest.)
struct Tally {
  std::size_t flaky = 0;
  std::size_t crashed = 0;
  std::size_t timed_out = 0;
  std::size_t not_run = 0;
};

/// What an observer may ask about the run.
class View {
 public:
  virtual ~View() = default;
  [[nodiscard]] virtual const verdict::Ledger& ledger() const = 0;
  [[nodiscard]] virtual const RunningTests& running() const = 0;
  [[nodiscard]] virtual Tally tally() const { return {}; }
  /// The command of a channel may be asking for a password, on the terminal.
  [[nodiscard]] virtual bool may_be_asking() const { return false; }
  /// Something has to be done before the command of a channel can run.
  [[nodiscard]] virtual bool being_set_up() const { return false; }
  /// The channel to the server at this place, for people: its command. "" if there is none.
  [[nodiscard]] virtual std::string_view channel_of(WorkerNumber /*worker*/) const { return ""; }
  /// Tests with the same id at different sites are different ones. kAnySite: what comes from there
  /// may be about any of them.
  static constexpr std::size_t kAnySite = SIZE_MAX;
  [[nodiscard]] virtual std::size_t site_of(std::optional<WorkerNumber> /*worker*/) const {
    return 0;
  }
  /// The same, of the test that the packet is about. At a site without a server, it is in the
  /// packet.
  [[nodiscard]] virtual std::size_t site_of(const Packet& /*packet*/,
                                            std::optional<WorkerNumber> /*worker*/) const {
    return 0;
  }
  /// Each test runs on each channel: these are the sites.
  [[nodiscard]] virtual bool on_each_channel() const { return false; }
  /// All channels by number, for people: their commands.
  [[nodiscard]] virtual std::vector<std::string> channel_names() const { return {}; }
  /// Why the run cannot be completed, for people; "" as long as it can.
  [[nodiscard]] virtual std::string_view problem() const { return ""; }
  /// How long the rest will take, if that can be estimated.
  [[nodiscard]] virtual std::optional<Time> time_left(Time now) const = 0;
};

}  // namespace subunit::run
