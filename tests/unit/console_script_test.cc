#include "proxy/channel/console_script.h"

#include <doctest/doctest.h>

namespace proxy {
namespace {

using subunit::as_bytes;

ConsoleStep step(std::string command, std::string wait = "") {
  return ConsoleStep::create(std::move(command), std::move(wait)).value();
}

TEST_CASE("a command without anything to wait for is typed at once, with a return") {
  ConsoleScript script({step("serve")});
  CHECK_FALSE(script.done());
  CHECK(script.next() == "serve\r");
  CHECK(script.done());
  CHECK_FALSE(script.next().has_value());
}

TEST_CASE("a command is typed when the console has printed what it waits for") {
  ConsoleScript script({step("root", "login: $"), step("serve", "# $")});
  script.receive(as_bytes("board lo"));
  CHECK_FALSE(script.next().has_value());
  script.receive(as_bytes("gin: "));
  CHECK(script.next() == "root\r");
  CHECK_FALSE(script.next().has_value());
  script.receive(as_bytes("root\r\nboard:~# "));
  CHECK(script.next() == "serve\r");
}

TEST_CASE("what was printed before a command is not what the next one waits for") {
  ConsoleScript script({step("one", "# $"), step("two", "#")});
  script.receive(as_bytes("# "));
  CHECK(script.next() == "one\r");
  CHECK_FALSE(script.next().has_value());
  script.receive(as_bytes("#"));
  CHECK(script.next() == "two\r");
}

TEST_CASE("colors, titles, returns and NUL are not in the way of an expression") {
  ConsoleScript script({step("serve", "^ab:~# $")});
  script.receive(as_bytes("\x1b]0;title\x07\x1b[01;32ma\x1b[0m\r"));
  script.receive(subunit::Bytes(reinterpret_cast<const std::uint8_t*>("\0b"), 2));
  script.receive(as_bytes("\x1b]2;t\x1b\\:~\x1b[K# \x1b[0"));
  CHECK(script.next() == "serve\r");
}

TEST_CASE("a color that is reset as tput does it is not in the way either") {
  ConsoleScript script({step("serve", "^board\\$ $")});
  script.receive(as_bytes("\x1b[32mboard\x1b(B\x1b[m$ "));
  CHECK(script.next() == "serve\r");
}

TEST_CASE("a kernel that prints behind a prompt, or within, is not in the way of an expression") {
  const std::string line = "[   37.312345] systemd-journald[159]: rotating: 1 # 2.\r\n";
  const std::vector<std::string> prompts{
      "root@board:/# " + line,
      "root@board:/# " + line + line + "<6>" + line,
      "root@bo" + line + "ard:/# ",
      "root@board:/# [    1.000000][  T159] usb 1-1: new device\r\n",
      "root@board:/# \x1b[33m[   37.312345] \x1b[0musb 1-1",
      line + "root@board:/# " + line,
  };
  for (const std::string& printed : prompts) {
    CAPTURE(printed);
    ConsoleScript script({step("serve", "^root@board:/# $")});
    script.receive(as_bytes(printed));
    CHECK(script.next() == "serve\r");
  }
}

TEST_CASE("what only looks like a kernel's line is what the console has printed") {
  for (const std::string_view printed :
       {"# [ 1.5 ]", "# [1] ", "# [1.5]", "# [.5] ", "# <6>", "# [1.5][x ", "# [", "# [  OK  ] "}) {
    CAPTURE(printed);
    ConsoleScript script({step("serve", "# $")});
    script.receive(as_bytes(printed));
    CHECK_FALSE(script.next().has_value());
  }
}

TEST_CASE("an expression may name what a kernel prints") {
  ConsoleScript script({step("serve", "Freeing unused kernel.*\\n")});
  script.receive(as_bytes("[    2.718281] Freeing unused kernel memory: 1024K\r\n"));
  CHECK(script.next() == "serve\r");
}

TEST_CASE("no expression takes longer than what was printed is worth") {
  // A matcher that tracks back would take longer than the world will last.
  for (const char* const wait : {"(x+x+)+y", "(.|\\n)*login: $", "(.*\\n)*login: $"}) {
    CAPTURE(wait);
    ConsoleScript script({step("serve", wait)});
    script.receive(as_bytes(std::string(3000, 'x')));
    CHECK_FALSE(script.next().has_value());
    script.receive(as_bytes("\nylogin: "));
  }
  CHECK_FALSE(ConsoleStep::create("serve", R"((a)\1)").has_value());
}

TEST_CASE("the end of what was printed instead is told") {
  ConsoleScript script({step("serve", "never")});
  script.receive(as_bytes(std::string(3000, 'x') + "board$ "));
  CHECK(script.waits_for().ends_with("xxxboard$ \""));
  CHECK(script.waits_for().size() < 600);
}

TEST_CASE("only the end of what was printed is looked at") {
  ConsoleScript script({step("serve", "start.*\\$ $")});
  script.receive(as_bytes("start"));
  script.receive(as_bytes(std::string(2 * ConsoleScript::kMaxSeen, ' ')));
  script.receive(as_bytes("$ "));
  CHECK_FALSE(script.next().has_value());
  CHECK(script.waits_for().size() < ConsoleScript::kMaxSeen);
}

TEST_CASE("a prompt is found however much has come behind it at once") {
  ConsoleScript script({step("serve", "~ # ")});
  script.receive(as_bytes("~ # " + std::string(2 * ConsoleScript::kMaxSeen, '.')));
  CHECK(script.next() == "serve\r");
}

TEST_CASE("what a script waits for is told with what it saw") {
  ConsoleScript script({step("root", "login: ")});
  script.receive(as_bytes("booting\n"));
  const std::string text = script.waits_for();
  for (const char* seen : {"--console-wait \"login: \"", "\"root\"", "booting\\n"})
    CHECK(text.find(seen) != std::string::npos);
}

TEST_CASE("a script that was stopped types nothing more") {
  ConsoleScript script({step("serve")});
  script.stop();
  CHECK_FALSE(script.next().has_value());
}

TEST_CASE("a command whose echo would look like a frame is refused") {
  const auto refused = ConsoleStep::create("printf '#%'", "");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text.find("#%") != std::string::npos);
  CHECK(ConsoleStep::create("printf '# %'", "").has_value());
}

TEST_CASE("what is not a regular expression is refused") {
  const auto refused = ConsoleStep::create("serve", "(");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text.find("--console-wait \"(\"") != std::string::npos);
}

}  // namespace
}  // namespace proxy
