#include <fmt/core.h>

#include "common/base/text.h"
#include "proxy/cli/shared_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    "python", "for stestr, in place of Python: run the tests on the servers in .stestr.conf",
    R"(Usage: PYTHON="subunit-proxy python [OPTIONS]" stestr run
)",
    R"(stestr starts tests with $PYTHON -m stestr.subunit_runner.run discover -t TOP PATH --list, or with
--load-list FILE in place of --list. This subcommand takes such a command line, and runs the tests
on the servers that .stestr.conf in the current directory names:

  [DEFAULT]
  test_path=./tests
  server_command=ssh board subunit-proxy serve -- python3 -m subunit_rpc discover -s tests

server_command is the command of the channel; it is split into words as a shell does it. Each
further, indented line is the command of a further channel. TOP and PATH have no effect here:
the server has its own tests.

Exit status:
  0  the stream on stdout is complete, whether tests passed or failed
  2  bad usage
  3  the stream is not complete
)"};

constexpr const char* kRunner = "stestr.subunit_runner.run";

/// Reads what stestr 3 puts after ${PYTHON}: `-m stestr.subunit_runner.run`, then `discover -t TOP
/// PATH` unless it was told --no-discover, then --list, --load-list FILE or ids.
class StestrWords {
 public:
  explicit StestrWords(std::vector<std::string> words) : words_(std::move(words)) {}

  void read(RunOptions& options) {
    expect("-m");
    expect(kRunner);
    if (at_ < words_.size() && words_[at_] == "discover") {
      ++at_;
      expect("-t");
      (void)next();  // TOP
      (void)next();  // PATH
    }
    while (at_ < words_.size()) {
      const std::string& word = next();
      if (word == "--list") {
        options.list = true;
      } else if (word == "--load-list") {
        options.load_list = next();
      } else if (word.starts_with('-')) {
        refuse();
      } else {
        options.tests.push_back(word);
      }
    }
  }

 private:
  void expect(std::string_view wanted) {
    if (next() != wanted) refuse();
  }

  const std::string& next() {
    if (at_ == words_.size()) refuse();
    return words_[at_++];
  }

  [[noreturn]] void refuse() const {
    std::string given;
    for (const std::string& word : words_) given += " " + subunit::escaped(word);
    throw UsageError(
        fmt::format("this is not a Python interpreter: it takes only the arguments that stestr "
                    "gives to one, which begin with \"-m {}\"; it was given:{}",
                    kRunner, given.empty() ? " nothing" : given));
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

class PythonCommand : public Subcommand {
 public:
  PythonCommand() : Subcommand(kText) {
    add_channel_options(options_, python_.run);
    options_.rest(words_);
  }

  Action action(std::vector<std::string> command) override {
    words_.insert(words_.end(), command.begin(), command.end());
    StestrWords(std::move(words_)).read(python_.run);
    python_.config = ".stestr.conf";
    return python_;
  }

 private:
  TestrOptions python_;
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Subcommand> make_python_command() {
  return std::make_unique<PythonCommand>();
}

}  // namespace proxy
