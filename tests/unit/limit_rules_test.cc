#include "common/run/selection/limit_rules.h"

#include <doctest/doctest.h>

#include "common/run/options.h"

using namespace subunit;
using namespace subunit::run;

namespace {

Options with_resources(std::initializer_list<const char*> rules) {
  Options options;
  for (const char* rule : rules) options.resources.push_back(*ResourceRule::parse(rule));
  return options;
}

}  // namespace

TEST_CASE("--resource is a name, a number of slots, and an expression") {
  const auto db = ResourceRule::parse("test.db-1=12:^a=b:c");
  REQUIRE(db);
  CHECK(db->name == "test.db-1");
  CHECK(db->slots == 12);
  CHECK_FALSE(db->per_channel);
  CHECK(db->expression == "^a=b:c");
  const auto port = ResourceRule::parse("port=1,per-channel:net");
  REQUIRE(port);
  CHECK(port->per_channel);
}

TEST_CASE("anything else is refused, with what it should look like") {
  for (const char* text : {"", "db", "db=2", "=2:x", "db=:x", "db=0:x", "db=-1:x", "db=1.5:x",
                           "db=2:", "db:x", "a b=2:x", "db=1000001:x", "db=99999999999:x",
                           "db=2,:x", "db=2,channel:x", "db=,per-channel:x", "a:b=2:x"}) {
    CAPTURE(text);
    const auto rule = ResourceRule::parse(text);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().text.find(text) != std::string::npos);
    CHECK(rule.error().text.find("NAME=N:REGEX") != std::string::npos);
  }
}

TEST_CASE("a resource has one number of slots") {
  CHECK(LimitRules::create(with_resources({"db=2:a", "db=2:b"})));
  const auto differs = LimitRules::create(with_resources({"db=2:a", "x=1:y", "db=3:b"}));
  REQUIRE_FALSE(differs);
  CHECK(differs.error().text ==
        "--resource: db is given as db=2 and as db=3; a resource has one number of slots");
  const auto elsewhere = LimitRules::create(with_resources({"db=2:a", "db=2,per-channel:b"}));
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().text.find("db=2 and as db=2,per-channel") != std::string::npos);
}

TEST_CASE("the option of a bad expression is named") {
  Options options = with_resources({"db=2:("});
  CHECK(LimitRules::create(options).error().text.starts_with("--resource"));
  options = {};
  options.exclusive = {"("};
  CHECK(LimitRules::create(options).error().text.starts_with("--exclusive"));
  options = {};
  options.exclusive_in_run = {"("};
  CHECK(LimitRules::create(options).error().text.starts_with("--exclusive-in-run"));
}

TEST_CASE("a test needs what matches its id") {
  Options options = with_resources({"db=2:db", "port=1:^net", "db=2:sql"});
  options.exclusive = {"reboot"};
  options.exclusive_in_run = {"all$"};
  const auto rules = LimitRules::create(options);
  REQUIRE(rules);
  CHECK_FALSE(rules->empty());
  const auto needs = rules->needs({"a", "db.sql", "sql", "net.db", "reboot.all", "reboot"});
  using Limits = schedule::Limits;
  CHECK(needs.of[0] == Limits::kNothing);
  CHECK(needs.of[1] == needs.of[2]);
  CHECK(needs.limits.resources(needs.of[2]) == 1);
  CHECK(needs.limits.resources(needs.of[3]) == 2);
  CHECK(needs.limits.exclusive(needs.of[4]) == Limits::Scope::kRun);
  CHECK(needs.limits.exclusive(needs.of[5]) == Limits::Scope::kChannel);
  CHECK_FALSE(needs.limits.exclusive(needs.of[3]));
  CHECK(LimitRules::create({})->empty());
}
