#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "../base/result.h"
#include "../rpc/message.h"
#include "../subunit/packet.h"
#include "../verdict/end_of_test.h"
#include "../verdict/ledger.h"

namespace subunit::command {

/// What becomes of a packet that a test command has written.
enum class Fate {
  kPass,   ///< it is part of the answer
  kKeep,   ///< what it says is part of what end() appends
  kNoise,  ///< it claims to be a message of the protocol: output like any other
};

/// How a test command has ended.
struct CommandEnd {
  bool clean = true;  ///< by exiting with status 0
  /// For people, and whole: also that it could not be started.
  std::string text = "the command exited with status 0";
  std::string last_output = {};  ///< for a person: empty, or paragraphs
  bool killed = false;           ///< by a signal, or it says that a test has crashed it
};

/// The answer to a rpc::List, made of what a command that lists its tests has written.
class ListAnswer {
 public:
  explicit ListAnswer(rpc::TestIds tests);
  ListAnswer(ListAnswer&&) = default;
  ListAnswer& operator=(ListAnswer&&) = default;

  /// No test is asked for: end() needs no command.
  [[nodiscard]] bool empty() const { return asked_ && asked_->empty(); }

  [[nodiscard]] Fate take(const Packet& packet);

  /// Appends what is to be sent before rpc::Done. An Error if the tests could not be listed: only
  /// why, since the client knows what it has asked for.
  [[nodiscard]] Result<> end(const CommandEnd& how, Timestamp when, Buffer& out) const;

 private:
  rpc::TestIds asked_;
  std::unordered_map<std::string_view, bool> exists_;  // keys are views into asked_
};

/// How tests are given to commands that run them.
struct RunRules {
  /// The command reads the ids from a file that has one in each line.
  bool one_a_line = false;
  /// How many of the first of these, which exist, one command can run: at least one.
  std::function<std::size_t(std::span<const std::string>)> together = nullptr;  ///< none: all
  /// Whether there is such a test. One that does not exist fails, and no command is asked for it.
  std::function<bool(const std::string&)> exists = nullptr;  ///< none: not known
  /// A command that fails although none of its tests has: that is a failure, too.
  bool status_counts = false;
};

class RunAnswer;

/// Tests that are to run when those that exist are known: a command that lists them has to be
/// asked.
class RestAnswer {
 public:
  /// All but `ended`, which is what is left when a command has died that was to run all.
  RestAnswer(const verdict::Ledger::Ids& ended, RunRules rules);
  /// `tests`, before any command runs.
  RestAnswer(rpc::TestIds tests, RunRules rules);

  [[nodiscard]] bool empty() const { return false; }

  [[nodiscard]] Fate take(const Packet& packet);

  /// If the tests cannot be listed: an Error, or a failure where tests have run before.
  [[nodiscard]] Result<> end(const CommandEnd& how, Timestamp when, Buffer& out);

  /// After end(): the answer to them, if there are any.
  [[nodiscard]] std::optional<RunAnswer> rest() const;

 private:
  bool after_others_;
  rpc::TestIds asked_;
  std::unordered_set<std::string> ended_;
  std::vector<std::string> left_;
  RunRules rules_;
};

/// The answer to a rpc::Run, made of what a command that runs tests has written.
///
/// A test that takes the command down costs itself only: what was to come after it is run by
/// another command, see rest(). Each command ends at least one test, or there is no other.
class RunAnswer {
 public:
  /// The test that fails if all were to run and the command has failed without one that has: not
  /// all may have run. testr calls it so.
  static constexpr std::string_view kCommandTest = "process-returncode";

  RunAnswer(rpc::TestIds tests, RunRules rules);

  /// Which tests the command is to run; nothing means all of them. Those that do not exist, and
  /// those whose ids cannot be passed to it, are left out, and fail.
  [[nodiscard]] const rpc::TestIds& to_run() const { return to_run_; }

  /// There is none to run: end() needs no command.
  [[nodiscard]] bool empty() const { return to_run_ && to_run_->empty(); }

  [[nodiscard]] Fate take(const Packet& packet);

  /// Appends the end of each test that is owed a final status and is not left for another command:
  /// that of its fixture, if this was what kept it from running, or else a failure. Those in
  /// progress have failed already.
  [[nodiscard]] Result<> end(const CommandEnd& how, Timestamp when, Buffer& out);

  /// After end(): an answer to what is left for another command, if anything is.
  [[nodiscard]] std::optional<std::variant<RunAnswer, RestAnswer>> rest() const;

 private:
  void leave_out();
  void put_off();

  rpc::TestIds to_run_;
  std::vector<std::pair<std::string, std::string_view>> left_out_;  // with the reason
  std::vector<std::string> put_off_;                                // for another command
  verdict::Ledger ledger_;
  verdict::Fixtures fixtures_;
  std::vector<std::string> rest_;
  bool each_alone_ = false;  // rest_
  RunRules rules_;
  bool cut_short_ = false;  // the command has died, and had ended a test
};

using Answer = std::variant<ListAnswer, RunAnswer, RestAnswer>;

/// The answer to what has to be asked of another command after `answer` has come to its end().
[[nodiscard]] std::optional<Answer> rest_of(const Answer& answer);

}  // namespace subunit::command
