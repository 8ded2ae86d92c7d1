#include "common/command/command_template.h"

#include <doctest/doctest.h>

#include <vector>

using namespace subunit;
using namespace subunit::command;

namespace {

CommandTemplate parsed(CommandTemplate::Text text) {
  auto result = CommandTemplate::parse(std::move(text));
  REQUIRE(result);
  return *result;
}

const CommandTemplate::Text kUsual{.command = "run-tests $LISTOPT $IDOPTION"};

}  // namespace

TEST_CASE("each of the commands has the options that it needs, and no other") {
  const CommandTemplate command = parsed(kUsual);
  const std::vector<std::string> ids{"a", "b"};
  CHECK(command.list() == "run-tests --list ");
  CHECK(command.run_all() == "run-tests  ");
  CHECK(command.run(ids, "/tmp/ids") == "run-tests  --load-list /tmp/ids");
}

TEST_CASE("ids go where the command or its id option wants them") {
  const std::vector<std::string> ids{"a", "b c"};
  CHECK(parsed({.command = "x $LISTOPT $IDLIST"}).run(ids, "/f") == "x  a 'b c'");
  CHECK(parsed({.command = "x $LISTOPT <$IDFILE"}).run(ids, "/f") == "x  </f");
  CHECK(parsed({.command = "x $LISTOPT $IDOPTION", .id_option = "-n $IDLIST -f $IDFILE"})
            .run(ids, "/f") == "x  -n a 'b c' -f /f");
  CHECK(parsed({.command = "x $LISTOPT $IDLIST $IDFILE"}).run_all() == "x   ");
}

TEST_CASE("words are replaced within longer ones, as testr does it, and others are the shell's") {
  const std::vector<std::string> ids{"a"};
  CHECK(parsed({.command = "x$LISTOPT$IDLISTS $HOME ${IDFILE} $"}).run(ids, "/f") ==
        "xaS $HOME ${IDFILE} $");
}

TEST_CASE("an id that looks like one of the words stays what it is") {
  const std::vector<std::string> ids{"$IDFILE"};
  CHECK(parsed({.command = "x $LISTOPT $IDOPTION", .id_option = "$IDLIST"}).run(ids, "/f") ==
        "x  '$IDFILE'");
}

TEST_CASE("a template that cannot list, or cannot choose, says what to add") {
  const auto no_list = CommandTemplate::parse({.command = "x $IDOPTION"});
  REQUIRE(!no_list);
  CHECK(no_list.error().text.find("add $LISTOPT") != std::string::npos);
  const auto no_ids = CommandTemplate::parse({.command = "x $LISTOPT"});
  REQUIRE(!no_ids);
  CHECK(no_ids.error().text.find("add $IDOPTION") != std::string::npos);
  const auto no_file =
      CommandTemplate::parse({.command = "x $LISTOPT $IDOPTION", .id_option = "--some"});
  REQUIRE(!no_file);
  CHECK(no_file.error().text.find("add $IDFILE or $IDLIST") != std::string::npos);
  for (const char* nothing : {"", " "}) {
    const auto no_option =
        CommandTemplate::parse({.command = "x $LISTOPT $IDOPTION", .list_option = nothing});
    REQUIRE(!no_option);
    CHECK(no_option.error().text.find("empty list option") != std::string::npos);
  }
}

TEST_CASE("a file of ids is used if the command or its id option names it") {
  CHECK(parsed(kUsual).uses_id_file());
  CHECK(parsed({.command = "x $LISTOPT $IDFILE", .id_option = ""}).uses_id_file());
  CHECK(!parsed({.command = "x $LISTOPT $IDLIST"}).uses_id_file());
  CHECK(!parsed({.command = "x $LISTOPT $IDOPTION", .id_option = "$IDLIST"}).uses_id_file());
}
