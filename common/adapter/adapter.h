#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/subunit/format.h"

namespace subunit::adapter {

/// A test that a program has.
struct ListedTest {
  std::string id;
  std::vector<std::string> tags = {};
  bool hidden = false;  ///< not among all tests; only if it is asked for
};

/// Where a program that is started for an adapter can put what is not to be printed.
struct Outlets {
  std::string events;  ///< a FIFO's path; with EventSource::kSocket HOST:PORT
  std::string file;    ///< the path of a file that does not exist
};

/// What is added to a command to make it list or run tests.
struct Invocation {
  std::vector<std::string> arguments;
  /// Variables to set, or, without a value, to take from the environment.
  std::vector<std::pair<std::string, std::optional<std::string>>> settings = {};
};

/// What has come of a program once it has ended.
struct Remains {
  std::optional<std::string> file = {};  ///< what is in Outlets::file, if it was written
  std::string events = {};               ///< what came from Outlets::events, if it listed tests
  std::string output = {};               ///< its stdout, if it listed tests
  std::optional<int> exit = {};          ///< its exit status, if it was not killed
  bool clean = false;                    ///< it has exited with status 0
  std::string ending = {};               ///< "was killed by SIGSEGV (11)"
  bool is_cut = false;                   ///< it has written more than is kept
};

/// A text that goes with the end of a test. Bytes that are not UTF-8 may stand in it.
struct Attachment {
  std::string name;
  std::string text;
};

struct TestStarted {
  std::string id;
};
struct TestEnded {
  std::string id;
  Status status = Status::kFail;  ///< a final one
  std::vector<Attachment> attachments = {};
};
/// Bytes of stdout that are no events: output of the test in progress. Not with EventSource::kFifo.
struct Output {
  std::string bytes;
};
using Event = std::variant<TestStarted, TestEnded, Output>;

/// Makes events of what one program that runs tests reports.
class ResultReader {
 public:
  ResultReader() = default;
  ResultReader(const ResultReader&) = delete;
  ResultReader& operator=(const ResultReader&) = delete;
  virtual ~ResultReader() = default;

  /// What came from the event source, cut anywhere.
  virtual void receive(std::string_view bytes) = 0;

  /// What it has printed, of kSocket; to be told before what came from the event source later.
  virtual void observe_stdout(std::string_view) {}

  /// It has ended, and nothing more comes. Tests that have started and are not ended after this
  /// were in progress.
  virtual void end(const Remains&) {}

  /// A test that was not asked for has failed, and with that the program.
  [[nodiscard]] virtual bool others_have_failed() const { return false; }

  /// It has told that a test has crashed it, however it exits after that: a sanitizer makes an exit
  /// status of a signal.
  [[nodiscard]] virtual bool has_crashed() const { return false; }

  /// In the order in which they happened; nothing if there is no further one.
  [[nodiscard]] std::optional<Event> next_event();

 protected:
  void emit(Event event) { events_.push_back(std::move(event)); }

 private:
  std::deque<Event> events_;
};

/// Where the events of a program come from.
enum class EventSource {
  kFifo,    ///< a FIFO that it opens
  kSocket,  ///< a TCP connection that it makes
  kStdout,  ///< its stdout, or a FIFO that it opens instead
};

/// A name as a test id: bytes that are not text are escaped.
[[nodiscard]] std::string id_of_name(std::string_view name);

/// What is known of a test framework: how its programs, or scripts, list and run tests, and how to
/// read what they report.
class Adapter {
 public:
  /// `name`: "gtest", "doctest", "catch2" or "tap"; an Error for any other one. `command` starts
  /// the program.
  [[nodiscard]] static Result<std::unique_ptr<Adapter>> create(
      std::string_view name, std::span<const std::string> command);

  Adapter() = default;
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;
  virtual ~Adapter() = default;

  [[nodiscard]] virtual EventSource source() const = 0;

  [[nodiscard]] virtual Invocation list(const Outlets& outlets) const = 0;
  /// Takes note of the tests. An Error if the program has not listed them.
  [[nodiscard]] Result<> learn(const Remains& remains);

  /// After an Error of learn(): there is another way to list them, which list() takes now.
  [[nodiscard]] virtual bool lists_otherwise() { return false; }

  /// To list the tests is to run them.
  [[nodiscard]] virtual bool lists_by_running() const { return false; }

  /// As learnt last.
  [[nodiscard]] const std::vector<ListedTest>& tests() const { return tests_; }
  /// There is such a test, or there may be: it can be asked for.
  [[nodiscard]] virtual bool knows(std::string_view id) const { return numbers_.contains(id); }

  /// How many of the first of these, which are known, one process can run: at least one.
  [[nodiscard]] virtual std::size_t together(std::span<const std::string> ids) const;
  [[nodiscard]] virtual Invocation run(std::span<const std::string> ids,
                                       const Outlets& outlets) const = 0;
  /// Its exit status tells whether a test has failed.
  [[nodiscard]] virtual bool status_counts() const { return true; }
  /// Reports on `ids`, and not on others of the list, even if the program runs more. A failure that
  /// is of no test of the list is reported under a name of its own: it ends without a start.
  [[nodiscard]] virtual std::unique_ptr<ResultReader> reader(
      std::span<const std::string> ids) const = 0;

 protected:
  /// With names in place of ids.
  [[nodiscard]] virtual Result<std::vector<ListedTest>> read_list(const Remains& remains) = 0;
  /// The test's name as the program has it; of one that is not known, the id.
  [[nodiscard]] std::string_view name_of(std::string_view id) const;
  /// The place of a test that is known in the list.
  [[nodiscard]] std::size_t number(std::string_view id) const { return numbers_.at(id); }

 private:
  std::vector<ListedTest> tests_;
  std::vector<std::string> names_;                             // of tests_
  std::unordered_map<std::string_view, std::size_t> numbers_;  // keys are views into tests_
};

}  // namespace subunit::adapter
