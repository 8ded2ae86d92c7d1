// What is wrong with a command line is told by a function that prints nothing, so each case is a
// row here. That a process ends with status 2, and with nothing on stdout, is tested in tests/e2e.
#include "proxy/cli/command_line.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "proxy/cli/program.h"
#include "proxy/cli/subcommand.h"
#include "proxy/cli/version.h"

namespace proxy {
namespace {

using Words = std::vector<std::string>;

Action parse(const Words& words) {
  return parse_command_line(kWholeProgram, words, false).action;
}

std::string joined(const Words& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool says(const std::string& text, const std::string& part) {
  return lower(text).find(lower(part)) != std::string::npos;
}

template <typename T>
T parsed(const Words& words) {
  const Action action = parse(words);
  const auto* answer = std::get_if<Answer>(&action);
  REQUIRE_MESSAGE(!answer, joined(words), ": ", answer->text);
  return std::get<T>(action);
}

struct BadUsage {
  Words words;
  Words said;  ///< each of them, whatever its case
};

/// Each is bad usage of `subcommand`, with a message that has all of what is `said` and names the
/// help of the subcommand.
void check_bad_usage(const std::string& subcommand, const std::vector<BadUsage>& rows) {
  for (const BadUsage& row : rows) {
    Words words{subcommand};
    words.insert(words.end(), row.words.begin(), row.words.end());
    CAPTURE(joined(words));
    const Action action = parse(words);
    const auto* answer = std::get_if<Answer>(&action);
    CHECK_MESSAGE(answer, "is taken");
    if (!answer) continue;
    CHECK(answer->kind == Answer::Kind::kBadUsage);
    CHECK(answer->exit_status() == 2);
    CAPTURE(answer->text);
    for (const std::string& part : row.said) CHECK_MESSAGE(says(answer->text, part), part);
    const std::string hint = "\nTry: subunit-proxy " + subcommand + " --help";
    CHECK(answer->text.ends_with(hint));
    CHECK(answer->text.size() > hint.size());
  }
}

TEST_CASE("without a subcommand, or with one that is not there, the program's help is named") {
  for (const Words& words : {Words{}, Words{"nonsense"}, Words{"--nonsense"}, Words{"--"}}) {
    CAPTURE(joined(words));
    const auto answer = std::get<Answer>(parse(words));
    CHECK(answer.kind == Answer::Kind::kBadUsage);
    CHECK(answer.text.ends_with("\nTry: subunit-proxy --help"));
  }
  CHECK(says(std::get<Answer>(parse({})).text, "subcommand is required"));
}

TEST_CASE("run tells what is wrong with its options") {
  const std::vector<BadUsage> rows{
      {{"--format", "xml", "--", "true"}, {"--format", "xml", "subunit"}},
      {{"--format", "ids", "--", "true"}, {"--format ids", "--list"}},
      {{"--ready-timeout", "soon", "--", "true"}, {"--ready-timeout", "soon"}},
      {{"--ready-timeout", "-1", "--", "true"}, {"--ready-timeout", "-1"}},
      {{"--ready-timeout", "nan", "--", "true"}, {"--ready-timeout", "nan"}},
      {{"--test-timeout=-nan", "--", "true"}, {"--test-timeout", "nan"}},
      {{"--no-such-option", "--", "true"}, {"--no-such-option"}},
      {{"--color", "red", "--", "true"}, {"--color", "red", "always"}},
      {{"--color", "", "--", "true"}, {"--color", "always"}},
      {{"--color", "auto,never", "--", "true"}, {"--color", "auto,never"}},
      {{"--list", "--trace", "trace", "--", "true"}, {"--trace", "--list"}},
      {{"--list", "--junit", "x.xml", "--", "true"}, {"--junit", "--list"}},
      {{"--junit", "-", "--", "true"}, {"--junit", "stdout"}},
      {{"--junit-places", "--", "true"}, {"--junit-places", "--junit"}},
      {{"--isolated", "--direct", "--", "true"}, {"--isolated", "--direct"}},
      {{"--live", "--format", "subunit", "--", "true"}, {"--live needs --format human"}},
  };
  check_bad_usage("run", rows);
}

TEST_CASE("what is no option, or no value of one, is named") {
  const std::vector<BadUsage> rows{
      {{"--lis", "--", "true"}, {"\"--lis\""}},
      {{"-l", "--", "true"}, {"\"-l\""}},
      {{"--no-such-option=1", "first", "--", "true"}, {"\"--no-such-option=1\""}},
      {{"--list=yes", "--", "true"}, {"--list takes no value"}},
      {{"--format"}, {"--format needs a value", "FORMAT"}},
      {{"--format", "--", "true"}, {"--format needs a value", "FORMAT"}},
      {{"--format", "ids", "--format=ids", "--", "true"}, {"--format", "once"}},
      {{"--ready-timeout", " ", "--", "true"}, {"--ready-timeout", "\" \""}},
      {{"--ready-timeout", "3s", "--", "true"}, {"--ready-timeout", "3s"}},
  };
  check_bad_usage("run", rows);
  check_bad_usage("wrap", {{{"true"}, {"\"true\""}}, {{"--version"}, {"\"--version\""}}});
  const std::vector<BadUsage> whole_numbers{
      {{"--workers", "1.5", "--", "true"}, {"--workers", "1.5", "whole number"}},
      {{"--workers", "", "--", "true"}, {"--workers", "\"\""}},
      {{"--workers=99999999999", "--", "true"}, {"--workers", "99999999999"}},
  };
  check_bad_usage("serve", whole_numbers);
}

TEST_CASE("a value is the next word, whatever it is, or stands behind an equals sign") {
  const auto values = [](const Words& more) {
    Words words{"run"};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"--", "true"});
    return parsed<RunOptions>(words);
  };
  CHECK(values({"--match", "--list"}).match == Words{"--list"});
  CHECK_FALSE(values({"--match", "--list"}).list);
  CHECK(values({"--match=a=b", "--match", "", "--match="}).match == Words{"a=b", "", ""});
  CHECK(values({"--group", "--help"}).group == "--help");
  CHECK(values({"--list", "--list"}).list);
}

TEST_CASE("who asks for help gets it, whatever else is wrong") {
  const auto kind = [](const Words& words) { return std::get<Answer>(parse(words)).kind; };
  for (const Words& words : {Words{"run", "--format", "xml", "--help"}, Words{"run", "--lis", "-h"},
                             Words{"python", "--direct", "--help", "-m", "pytest"}}) {
    CAPTURE(joined(words));
    CHECK(kind(words) == Answer::Kind::kHelp);
  }
  CHECK(kind({"python", "-m", "pytest", "--help"}) == Answer::Kind::kBadUsage);
}

TEST_CASE("run needs a channel, in one of two ways") {
  const std::vector<BadUsage> rows{
      {{}, {"CHANNEL COMMAND"}},
      {{"demo.test_1"}, {"CHANNEL COMMAND"}},
      {{"--"}, {"CHANNEL COMMAND"}},
      {{"--channel", "true", "--", "true"}, {"one after --"}},
      {{"--channel", " # nothing"}, {"--channel", "the command is empty"}},
      {{"--channel", "ssh 'board"}, {"ssh 'board"}},
      {{"--channels-from", "/no/such/file"}, {"/no/such/file", "no such file"}},
      {{"--channels-from", "/"}, {"directory"}},
      {{"--channels-from", "/dev/null"}, {"no channel command"}},
      {{"--channels-from", "/dev/zero"}, {"more than"}},
  };
  check_bad_usage("run", rows);
}

TEST_CASE("what is brought to a test machine has a command of its own") {
  const std::vector<BadUsage> rows{
      {{"--push", "--", "ssh", "board"}, {"second --"}},
      {{"--push", "--channel", "ssh board"}, {"second --"}},
      {{"--push=twice", "--", "sh", "--", "true"}, {"--push=twice", "once"}},
      {{"--push", "--direct", "--", "sh", "--", "true"}, {"--direct", "--push"}},
      {{"--push-from", "/tmp", "--", "true"}, {"--push-from", "--push"}},
      {{"--env", "A=1", "--", "true"}, {"--env", "--push"}},
      {{"--push", "--env", "A", "--", "sh", "--", "true"}, {"--env", "NAME=VALUE"}},
      {{"--chdir", "/tmp", "--", "true"}, {"--chdir", "--push"}},
      {{"--venv", "/tmp", "--", "true"}, {"--venv", "--push"}},
  };
  check_bad_usage("run", rows);
}

TEST_CASE("a schedule to replay decides which tests run, and nothing else does") {
  const std::vector<BadUsage> rows{
      {{"--replay", "schedule", "--list", "--", "true"}, {"--replay", "--list"}},
      {{"--replay", "schedule", "--load-list", "ids", "--", "true"}, {"--replay", "--load-list"}},
      {{"--replay", "schedule", "--match", "net", "--", "true"}, {"--replay", "--match"}},
      {{"--replay", "schedule", "--order", "given", "--", "true"}, {"--replay", "--order"}},
      {{"--replay", "schedule", "--group", "net", "--", "true"}, {"--replay", "--group"}},
      {{"--replay", "schedule", "demo.test_1", "--", "true"}, {"--replay", "ids of tests"}},
  };
  check_bad_usage("run", rows);
}

TEST_CASE("a client refuses options that its line cannot carry out") {
  const std::vector<BadUsage> rows{
      {{"--console-command", "echo '#%H'", "--", "true"}, {"#%"}},
      {{"--console-command", "x", "--console-wait", "(", "--", "true"}, {"("}},
      {{"--console-wait", "x", "--", "true"}, {"--console-wait", "--console-command"}},
      {{"--console-command", "x", "--link", "raw", "--", "true"}, {"--link raw"}},
      {{"--link", "copper", "--", "true"}, {"--link", "copper", "armour"}},
      {{"--baud", "-1", "--", "true"}, {"--baud", "-1"}},
      {{"--baud", "nan", "--", "true"}, {"--baud", "nan"}},
  };
  const std::vector<BadUsage> direct_rows{
      {{"--direct", "--link", "armour", "--", "true"}, {"--direct"}},
      {{"--direct", "--console-command", "x", "--", "true"}, {"--direct"}},
  };
  for (const char* subcommand : {"run", "tunnel", "testr", "python"})
    check_bad_usage(subcommand, rows);
  for (const char* subcommand : {"run", "testr", "python"})
    check_bad_usage(subcommand, direct_rows);
}

TEST_CASE("serve tells what is wrong with its options") {
  const std::vector<BadUsage> rows{
      {{"--attach-timeout", "soon", "--", "true"}, {"--attach-timeout", "soon"}},
      {{"--attach-timeout", "-1", "--", "true"}, {"--attach-timeout", "-1"}},
      {{"--grace", "x", "--", "true"}, {"--grace", "x"}},
      {{"--ready-fd", "77", "--", "true"}, {"--ready-fd 77", "descriptor"}},
      {{"--ready-fd", "1", "--", "true"}, {"--ready-fd", "1"}},
      {{"--log-level", "loud", "--", "true"}, {"--log-level", "loud", "debug"}},
      {{"--no-such-option", "--", "true"}, {"--no-such-option"}},
  };
  check_bad_usage("serve", rows);
}

TEST_CASE("serve refuses addresses that it cannot use, and names them") {
  const std::vector<BadUsage> rows{
      {{}, {"COMMAND", "--connect", "--listen"}},
      {{"--connect"}, {"--connect"}},
      {{"--connect", "host:port"}, {"host:port"}},
      {{"--connect", "127.0.0.1:70000"}, {"127.0.0.1:70000"}},
      {{"--connect", "127.0.0.1:0"}, {"--connect", "never 0"}},
      {{"--listen", "unix:", "--", "true"}, {"unix:"}},
      {{"--listen", "unix:" + std::string(200, '/'), "--", "true"}, {"unix:"}},
      {{"--connect", "127.0.0.1:1", "--listen", "127.0.0.1:0"}, {"--listen", "--connect"}},
      {{"--connect", "127.0.0.1:1", "--connect", "host:port"}, {"host:port"}},
      {{"--connect", "127.0.0.1:1", "--connect", "127.0.0.1:2", "--", "true"}, {"one --connect"}},
  };
  check_bad_usage("serve", rows);
  Words many;
  for (int i = 0; i < 65; ++i) many.insert(many.end(), {"--connect", "127.0.0.1:1"});
  check_bad_usage("serve", {{many, {"--connect", "64"}}});
}

TEST_CASE("serve refuses numbers of servers that it cannot have") {
  const std::vector<BadUsage> rows{
      {{"--workers", "0", "--", "true"}, {"--workers", "0", "64"}},
      {{"--workers", "65", "--", "true"}, {"--workers", "65", "64"}},
      {{"--workers", "two", "--", "true"}, {"--workers", "two"}},
      {{"--workers", "2"}, {"COMMAND"}},
      {{"--workers", "2", "--listen", "0"}, {"--workers", "COMMAND"}},
      {{"--workers", "2", "--connect", "127.0.0.1:1", "--", "true"}, {"--workers", "--connect"}},
      {{"--max-servers", "0", "--listen", "0"}, {"--max-servers", "0"}},
      {{"--max-servers", "2", "--", "true"}, {"--max-servers", "--workers"}},
      {{"--max-servers", "2", "--connect", "127.0.0.1:1"}, {"--max-servers", "--listen"}},
  };
  check_bad_usage("serve", rows);
}

TEST_CASE("a template that cannot work is bad usage, and the message names what to add") {
  const std::vector<BadUsage> rows{
      {{"--test-command", "x $IDOPTION"}, {"cannot list", "$LISTOPT"}},
      {{"--test-command", "x $LISTOPT"}, {"all of its tests", "$IDOPTION"}},
      {{"--test-command", "x $LISTOPT $IDOPTION", "--id-option", "-n"}, {"-n", "$IDFILE"}},
      {{"--test-command", "x $LISTOPT $IDOPTION", "--list-option", ""}, {"empty list option"}},
      {{"--test-command", "x $LISTOPT $IDLIST", "--", "server"}, {"--test-command", "COMMAND"}},
      {{"--test-command", "x $LISTOPT $IDLIST", "--connect", "9"}, {"--test-command", "--connect"}},
      {{"--list-option", "--ls", "--", "server"}, {"--list-option", "--test-command"}},
      {{"--id-option", "-n", "--", "server"}, {"--id-option", "--test-command"}},
  };
  check_bad_usage("serve", rows);
  const std::vector<BadUsage> of_the_server{
      {{}, {"one TEMPLATE"}},
      {{"--", "x $LISTOPT", "$IDLIST"}, {"one TEMPLATE"}},
      {{"--", "x $IDOPTION"}, {"cannot list", "$LISTOPT"}},
      {{"--grace", "0", "--", "x $LISTOPT $IDLIST"}, {"--grace"}},
  };
  check_bad_usage("command-server", of_the_server);
  check_bad_usage("guard", {{{}, {"--parent"}}, {{"--parent", "0"}, {"--parent"}}});
}

TEST_CASE("tunnel and wrap need a command") {
  const std::vector<BadUsage> rows{
      {{}, {"CHANNEL COMMAND"}},
      {{"--ready-fd", "1", "--", "true"}, {"--ready-fd", "1"}},
      {{"--any-owner", "--", "true"}, {"--any-owner", "--listen"}},
      {{"--listen", "host:port", "--", "true"}, {"host:port"}},
  };
  check_bad_usage("tunnel", rows);
  check_bad_usage("wrap", {{{}, {"COMMAND"}}, {{"--"}, {"COMMAND"}}});
}

TEST_CASE("python takes the arguments of stestr, and shows any others") {
  const Words runner{"-m", "stestr.subunit_runner.run", "discover", "-t", ".", "tests"};
  std::vector<Words> rows{{"-V"},           {"-c", "print(1)"},           {"setup.py", "test"},
                          {"-m", "pytest"}, {"-m", runner[1], runner[2]}, {}};
  for (const char* more : {"--failfast", "--load-list"}) {
    rows.push_back(runner);
    rows.back().push_back(more);
  }
  for (const Words& words : rows)
    check_bad_usage(
        "python", {{words, {"not a Python", "stestr", words.empty() ? "nothing" : joined(words)}}});
}

TEST_CASE("python --archive takes nothing else, and does not write to a terminal") {
  CHECK_NOTHROW((void)parsed<WriteArchiveOptions>({"python", "--archive"}));
  check_bad_usage("python", {{{"--archive", "FILE"}, {"--archive", "\"FILE\""}},
                             {{"--archive", "--", "-m"}, {"--archive", "\"-m\""}}});
  const Action action = parse_command_line(kWholeProgram, {"python", "--archive"}, true).action;
  CHECK(says(std::get<Answer>(action).text, "stdout is a terminal"));
}

struct Help {
  const char* subcommand;
  Words options;
};

const Words kLineOptions{"--link", "--baud", "--pty", "--console-command", "--console-wait"};
const Words kChannelOptions{"--direct", "--ready-timeout", "--attach-timeout", "--hello-timeout"};

TEST_CASE("help is for stdout, with status 0, and names each option") {
  const auto with = [](Words words, std::initializer_list<Words> more) {
    for (const Words& list : more) words.insert(words.end(), list.begin(), list.end());
    return words;
  };
  const Help rows[] = {
      {"serve",
       {"--connect", "--listen", "--workers", "--max-servers", "--test-command", "--list-option",
        "--id-option", "--attach-timeout", "--grace", "--any-owner", "--link", "--baud",
        "--ready-fd"}},
      {"wrap", {}},
      {"run", with({"--list",         "--load-list",     "--match",
                    "--format",       "--color",         "--trace",
                    "--junit",        "--junit-places",  "--html",
                    "--live",         "--repeat",        "--until-failure",
                    "--time",         "--each",          "--stress",
                    "--resource",     "--exclusive",     "--exclusive-in-run",
                    "--annotate",     "--channel",       "--channels-from",
                    "--order",        "--group",         "--history",
                    "--isolated",     "--schedule-log",  "--replay",
                    "--test-timeout", "--slow",          "--setup",
                    "--teardown",     "--channel-setup", "--channel-teardown",
                    "--setup-timeout"},
                   {kLineOptions, kChannelOptions})},
      {"testr", with({"--list", "--load-list"}, {kLineOptions, kChannelOptions})},
      {"python", with({"--archive"}, {kLineOptions, kChannelOptions})},
      {"tunnel", with({"--listen", "--any-owner", "--ready-fd"}, {kLineOptions})},
      {"command-server", {"--list-option", "--id-option", "--grace"}},
      {"guard", {"--parent", "--folder"}},
  };
  for (const Help& row : rows) {
    CAPTURE(row.subcommand);
    for (const char* word : {"--help", "-h"}) {
      const auto answer = std::get<Answer>(parse({row.subcommand, word}));
      CHECK(answer.kind == Answer::Kind::kHelp);
      CHECK(answer.exit_status() == 0);
      CHECK(says(answer.text, "Usage:"));
      CHECK(says(answer.text, row.subcommand));
      for (const std::string& option : with(row.options, {{"--help", "--log-level"}}))
        CHECK_MESSAGE(says(answer.text, option == "--help" ? "--help " : "\n  " + option + " "),
                      option);
      std::istringstream lines(answer.text);
      for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 100, line);
    }
  }
}

TEST_CASE("the help of the program lists the subcommands that are for people") {
  const auto answer = std::get<Answer>(parse({"--help"}));
  CHECK(answer.kind == Answer::Kind::kHelp);
  for (const char* name : {"serve", "wrap", "run", "testr", "python", "tunnel"})
    CHECK_MESSAGE(says(answer.text, std::string("\n  ") + name + " "), name);
  CHECK_FALSE(says(answer.text, "command-server"));
  CHECK_FALSE(says(answer.text, "guard"));
}

TEST_CASE(
    "the part for test machines has its own subcommands only, and tells where the others are") {
  const auto answer = [](const Words& words) {
    return std::get<Answer>(parse_command_line(kServeProgram, words, false).action);
  };
  const std::string help = answer({"--help"}).text;
  for (const char* name : {"serve", "wrap"})
    CHECK_MESSAGE(says(help, std::string("\n  ") + name + " "), name);
  for (const char* name : {"run", "testr", "python", "tunnel"}) {
    CHECK_FALSE_MESSAGE(says(help, std::string("\n  ") + name + " "), name);
    for (const Words& more : {Words{}, Words{"--help"}, Words{"--", "true"}}) {
      Words words{name};
      words.insert(words.end(), more.begin(), more.end());
      const Answer refused = answer(words);
      CHECK(refused.exit_status() == 2);
      for (const std::string& part :
           {std::string("test machines"), "\"" + std::string(name) + "\""})
        CHECK_MESSAGE(says(refused.text, part), refused.text);
    }
  }
  for (const char* name : {"serve", "wrap", "command-server", "guard"}) {
    const Words words{name, "--help"};
    CHECK(answer(words).text == std::get<Answer>(parse(words)).text);
  }
  CHECK(answer({"nonsense"}).text == std::get<Answer>(parse({"nonsense"})).text);
  CHECK(answer({"--version"}).text == std::get<Answer>(parse({"--version"})).text);
  const auto line = parse_command_line(kServeProgram, {"serve", "--", "server"}, false);
  CHECK(std::get<ServeOptions>(line.action).command == Words{"server"});
}

TEST_CASE("the version is told with status 0") {
  const auto answer = std::get<Answer>(parse({"--version"}));
  CHECK(answer.exit_status() == 0);
  const std::string revision = kRevision.empty() ? "" : fmt::format(" ({})", kRevision);
  CHECK(answer.text == fmt::format("subunit-proxy {}{}\n", kVersion, revision));
}

TEST_CASE("completion offers values that are accepted") {
  int offered = 0;
  for (const Program::Entry& entry : kWholeProgram.subcommands) {
    const auto subcommand = entry.make(false);
    for (const OptionSet::Option& option : subcommand->options().options()) {
      for (const std::string& choice : option.choices) {
        CAPTURE(choice);
        CHECK_NOTHROW(option.store(choice));
        ++offered;
      }
    }
  }
  CHECK(offered > 20);
}

TEST_CASE("the values of options reach the run") {
  const auto run = parsed<RunOptions>(
      {"run",    "--list", "--match", "a",     "--match", "b",     "t.one",
       "--link", "armour", "--baud",  "9600",  "--color", "never", "--console-command",
       "go",     "--slow", "0.5",     "t.two", "--",      "ssh",   "--help"});
  CHECK(run.list);
  CHECK(run.match == Words{"a", "b"});
  CHECK(run.tests == Words{"t.one", "t.two"});
  CHECK(run.line.link.mode == LinkMode::kArmour);
  CHECK(run.line.link.bytes_per_second == 960);
  CHECK(run.line.console.size() == 1);
  CHECK(run.color == ColorMode::kNever);
  CHECK(run.slow == std::chrono::milliseconds(500));
  CHECK(run.ready_timeout == std::chrono::seconds(30));
  CHECK(run.channels == std::vector<Words>{{"ssh", "--help"}});
}

TEST_CASE("the command that repeats a test says how to get there, and not what else ran") {
  const auto again = [](const Words& words) { return parsed<RunOptions>(words).again; };
  const auto piped = again({"run", "--retries", "2", "--html", "x.html", "--pty", "--match", "a b",
                            "--test-timeout", "5", "a", "--", "ssh", "two words"});
  CHECK(piped.before == "subunit-proxy run --pty --test-timeout 5");
  CHECK(piped.after == " -- ssh 'two words'");
  const auto pushed = again({"run", "--push=once", "--env", "TOKEN=secret", "--env", "A=b c",
                             "--chdir", "/a b", "--", "ssh", "board", "--", "./suite"});
  CHECK(pushed.before ==
        "subunit-proxy run --push=once --env TOKEN=\"$TOKEN\" --env A=\"$A\" --chdir '/a b'");
  CHECK(pushed.after == " -- ssh board -- ./suite");
  const auto limited = again({"run", "--resource", "db=1:x", "--setup", "lab on", "--", "ssh"});
  CHECK(limited.before == "subunit-proxy run --setup 'lab on'");
  const auto several = again({"run", "--channel", "ssh a", "--channel", "ssh b", "-x"});
  CHECK(several.before == "subunit-proxy run --channel 'ssh a' --channel 'ssh b'");
  CHECK(several.after.empty());
}

TEST_CASE("the format is for people on a terminal only, unless one is given") {
  const auto format = [](bool terminal, Words words) {
    words.insert(words.end(), {"--", "true"});
    return std::get<RunOptions>(parse_command_line(kWholeProgram, words, terminal).action).format;
  };
  CHECK(format(true, {"run"}) == Format::kHuman);
  CHECK(format(false, {"run"}) == Format::kSubunit);
  CHECK(format(true, {"run", "--format", "subunit"}) == Format::kSubunit);
  CHECK(format(false, {"run", "--format", "human"}) == Format::kHuman);
}

TEST_CASE("serve listens at a free port if it is told nothing else") {
  const auto serve = parsed<ServeOptions>({"serve", "--workers", "3", "--", "server"});
  CHECK(serve.listen->text() == "127.0.0.1:0");
  CHECK(serve.workers == 3);
  CHECK(serve.command == Words{"server"});
  const auto connecting = parsed<ServeOptions>({"serve", "--connect", "1", "--connect", "2"});
  CHECK_FALSE(connecting.listen);
  CHECK(connecting.connect.size() == 2);
}

TEST_CASE("what testr puts after its own -- is a list of tests, and what stestr puts is read") {
  CHECK(parsed<TestrOptions>({"testr", "a", "--", "b", "--list"}).run.tests ==
        Words{"a", "b", "--list"});
  const auto python = parsed<TestrOptions>({"python", "--direct", "-m", "stestr.subunit_runner.run",
                                            "discover", "-t", ".", "tests", "--load-list", "ids"});
  CHECK(python.run.direct);
  CHECK(python.run.line.link.mode == LinkMode::kRaw);
  CHECK(python.run.load_list == "ids");
}

TEST_CASE("the log level is the subcommand's") {
  CHECK(parse_command_line(kWholeProgram, {"wrap", "--", "true"}, false).log_level ==
        LogLevel::kWarning);
  CHECK(parse_command_line(kWholeProgram, {"wrap", "--log-level", "debug", "--", "true"}, false)
            .log_level == LogLevel::kDebug);
}

}  // namespace
}  // namespace proxy
