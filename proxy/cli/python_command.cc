#include <fmt/core.h>

#include "common/base/text.h"
#include "proxy/cli/options/client_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    "python", "for stestr, in place of Python: run the tests on the servers in .stestr.conf",
    R"(Usage: PYTHON="subunit-proxy python [OPTIONS]" stestr run
       subunit-proxy python --archive > subunit_rpc.pyz
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

--archive has nothing to do with stestr. It writes the Python package subunit_rpc as one file, for a
machine that has Python 3.7 or later and nothing else:

  python3 subunit_rpc.pyz discover -s tests      as python3 -m subunit_rpc discover -s tests
  PYTHONPATH=subunit_rpc.pyz python3 -m pytest --subunit-rpc tests

Exit status:
  0  the stream or archive on stdout is complete, whether tests passed or failed
  2  bad usage
  3  it is not complete
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
  explicit PythonCommand(bool terminal) : Subcommand(kText), terminal_(terminal) {
    options_.flag("--archive", "write the Python package to stdout, as one file", archive_);
    add_channel_options(options_, python_.run);
    options_.rest(words_);
  }

  Action action(std::vector<std::string> command) override {
    words_.insert(words_.end(), command.begin(), command.end());
    if (archive_) {
      if (!words_.empty())
        throw UsageError(
            fmt::format("--archive: \"{}\" is too much", subunit::escaped(words_.front())));
      if (terminal_)
        throw UsageError(
            "--archive: stdout is a terminal, and the archive is not text; try: "
            "subunit-proxy python --archive > subunit_rpc.pyz");
      return WriteArchiveOptions();
    }
    StestrWords(std::move(words_)).read(python_.run);
    python_.config = ".stestr.conf";
    return python_;
  }

 private:
  const bool terminal_;
  bool archive_ = false;
  TestrOptions python_;
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Subcommand> make_python_command(bool terminal) {
  return std::make_unique<PythonCommand>(terminal);
}

}  // namespace proxy
