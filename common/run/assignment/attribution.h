#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/run/assignment/assignment.h"
#include "common/run/results.h"
#include "common/run/worker.h"

namespace subunit::run {

/// How an attempt at a test ends, beside its status.
struct Ending {
  std::string_view text;      ///< for people, after "attempt 1: "
  std::string_view tag = {};  ///< see tags.h; "": none
  bool cut_short = false;     ///< by the end of its server
};

/// Which test a packet is about, which test pays when a server ends, and when a test that was asked
/// for has its verdict.
///
/// Every test that is asked for gets exactly one final status, and three parties may give it: the
/// server that runs it, the proxy, which fails the tests in progress when a server dies, and this
/// client, which fails a test that has used up its time and the tests of a server that a lost link
/// takes away. They do not wait for each other, so for one test any two of them may come, in any
/// order.
///
/// The obvious way, "the first verdict counts", is wrong in both directions. A test that hangs is
/// timed out here, its server is asked to end, and TERM makes the test pass on the way out: the
/// verdict that comes first is the wrong one. And with two tests in one server, of which one hangs,
/// the proxy fails both when the server ends; the other one was only near, and has to run again
/// elsewhere. So what a final status means depends on the state of the worker that it comes from:
///
///     worker      final status from the server      from the proxy
///     kOpen       counts                            counts, and the server has cost a test;
///                                                   not if ours was faster
///     kReplacing  of the test that timed out: it    of the test that timed out: counts if it
///                 has failed, whatever it says;     repeats the reason that it was given;
///                 of others: counts                 of others: does not count, they run again
///
/// And it counts from the server that was asked only, and only before its Done: another one that
/// names the test, by mistake or on purpose, has not run it for us. What it says is left out, and
/// told at the end.
///
/// A server may end without a test in progress: then the batch that it had is put back, and only
/// the count of deaths in a row keeps it from going on for ever. A death that has cost a test does
/// not count there: there are only so many tests.
/// And it may say Done and have left out tests: these failed, unless a fixture of their class or
/// module that failed or was skipped explains it.
///
/// A failure that counts is the verdict unless the test may run again (--retries): then it ends an
/// attempt, which the stream shows without a status. A test whose channel was lost does not run
/// again, since that it passed elsewhere would hide the loss.
class Attribution {
 public:
  /// Both are the caller's, and live longer.
  Attribution(Results& results, Assignment& assignment)
      : results_(results), assignment_(assignment) {}

  /// The server answers Hello: nothing is known of it.
  void opened(Worker& worker, Time now);
  /// It takes tests. Where they run at each server, these are more of them.
  void added(Worker& worker, Time now);

  /// Takes what a server reports, or nobody that is known, and hands on what is for the observers.
  /// `route`: as in Results::Shape.
  void record(Worker* worker, const Packet& packet, std::optional<std::string_view> route,
              Time now);

  /// A warning of the reports that were left out, since somebody else was to run the tests, or
  /// nobody; empty if there are none.
  [[nodiscard]] std::string uninvited() const;

  /// Done has come for a Run: tests of it without a result fail, or end as their fixture did, or
  /// were not begun, since the run was to stop.
  void answered(Worker& worker, const std::string& nonce, Time now);
  /// Error has come instead: they fail, with its text.
  void failed(Worker& worker, const std::string& nonce, std::string_view text, Time now);

  /// The server has ended, which is its own fault, or that of the test that timed out. Fails the
  /// tests in progress that the proxy has not failed: because there is none, or the link to it is
  /// lost.
  void blame_running(Worker& worker, std::string_view why, Time now);

  /// No server will come to this site any more, for the reason `why`: the tests that have not ended
  /// there have failed. False: all had ended.
  bool give_up(std::size_t site, std::string_view why, Time now);

  /// Tests that wait for another attempt get none, for the reason `why`: they have failed.
  void end_waiting(std::string_view why, Time now);

 private:
  /// Tests are named in a warning, so some of them do.
  static constexpr std::size_t kMaxUninvited = 20;

  void leave_out(std::string_view test_id);
  void record(Worker& worker, const Packet& packet, std::optional<std::string_view> route,
              Time now);
  void pass_on(Worker& worker, const Packet& packet, std::optional<std::string_view> route,
               const Ending& ending, Time now);
  void fail(Worker& worker, std::string_view test_id, std::string_view reason, const Ending& ending,
            Time now);
  void fail_timed_out(Worker& worker, const Packet& packet, Time now);
  [[nodiscard]] std::optional<Attempt> failed_attempt(Worker& worker, std::string_view test_id,
                                                      Status status, const Ending& ending,
                                                      Time now);
  void tell_attempts(Worker& worker, std::string_view test_id, Status status, const Ending& ending,
                     Time now);

  Results& results_;
  Assignment& assignment_;
  std::size_t uninvited_ = 0;
  std::vector<std::string> uninvited_tests_;
};

}  // namespace subunit::run
