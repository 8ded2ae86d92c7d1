#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "proxy/posix/folder.h"
#include "proxy/sync/local_tree.h"
#include "proxy/sync/target.h"

namespace proxy {
namespace {

using subunit::as_bytes;
using subunit::sync::Entry;

/// A target, and a folder beside it that nothing may happen to.
struct Place {
  Place() {
    REQUIRE(::mkdtemp(path.data()));
    ::mkdir((path + "/outside").c_str(), 0755);
    std::ofstream(path + "/outside/file") << "outside";
  }
  ~Place() { remove_folder(path); }

  [[nodiscard]] std::string in(const std::string& name) const { return path + "/target/" + name; }
  [[nodiscard]] Target open() const { return std::move(Target::open(path + "/target").value()); }

  std::string path = "/tmp/target-test-XXXXXX";
};

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

mode_t mode(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

Entry file(std::string path, std::string_view text, unsigned permissions = 0644) {
  return {.path = std::move(path),
          .mode = permissions,
          .size = text.size(),
          .content = subunit::sync::fingerprint(as_bytes(text))};
}

subunit::Result<> put(Target& target, const std::string& path, std::string_view text,
                      unsigned permissions = 0644) {
  return target.write(file(path, text, permissions), as_bytes(text), true);
}

TEST_CASE("a file is written with its folders and its permissions, and found again") {
  const Place place;
  Target target = place.open();
  REQUIRE(put(target, "a/b/c", "text", 0751));
  CHECK(content(place.in("a/b/c")) == "text");
  CHECK((mode(place.in("a/b/c")) & 07777) == 0751);
  const auto found = target.look(file("a/b/c", "text", 0751), 0);
  CHECK(found.content);
  CHECK(found.mode);
  CHECK(found.stamp == target.stamp(file("a/b/c", "text")));
  CHECK(target.look(file("a/b/c", "other"), found.stamp).content);
  CHECK_FALSE(target.look(file("a/b/c", "tex2"), 0).content);
  CHECK_FALSE(target.look(file("a/b/c", "text", 0644), 0).mode);
  REQUIRE(target.set_mode(file("a/b/c", "text", 0600)));
  CHECK((mode(place.in("a/b/c")) & 07777) == 0600);
  CHECK(target.stamp(file("a/b/c", "text")) != found.stamp);
}

TEST_CASE("what has not arrived as it was sent is not there") {
  const Place place;
  Target target = place.open();
  REQUIRE(put(target, "a", "text"));
  CHECK_FALSE(target.write(file("a", "other"), as_bytes("wrong"), true));
  CHECK(target.write(file("a", "never whole"), as_bytes("never"), false));
  CHECK(content(place.in("a")) == "text");
}

TEST_CASE("a symbolic link in the way is replaced, and not followed") {
  const Place place;
  Target target = place.open();
  REQUIRE(::symlink("../outside", place.in("folder").c_str()) == 0);
  REQUIRE(::symlink("../outside/file", place.in("file").c_str()) == 0);
  CHECK_FALSE(target.look(file("folder/file", "outside"), 0).content);
  CHECK_FALSE(target.look(file("file", "outside"), 0).content);
  CHECK(target.remove(file("folder/file", "outside")));
  CHECK_FALSE(target.set_mode(file("file", "outside", 0777)));
  CHECK(content(place.path + "/outside/file") == "outside");
  REQUIRE(put(target, "folder/file", "inside"));
  REQUIRE(put(target, "file", "inside"));
  CHECK(content(place.path + "/outside/file") == "outside");
  CHECK(content(place.in("folder/file")) == "inside");
  CHECK(content(place.in("file")) == "inside");
  CHECK(S_ISDIR(mode(place.in("folder"))));
}

TEST_CASE("our own files are not written through a symbolic link") {
  const Place place;
  ::mkdir(place.in("").c_str(), 0755);
  REQUIRE(::symlink("../outside", place.in(".subunit-sync").c_str()) == 0);
  CHECK_FALSE(Target::open(place.path + "/target"));
  REQUIRE(::unlink(place.in(".subunit-sync").c_str()) == 0);
  Target target = place.open();
  REQUIRE(::symlink("../../outside/file", place.in(".subunit-sync/new").c_str()) == 0);
  REQUIRE(put(target, "a", "text"));
  REQUIRE(::symlink("../../outside/file", place.in(".subunit-sync/index").c_str()) == 0);
  CHECK(target.load().entries.empty());
  REQUIRE(target.store({.entries = {file("a", "text")}, .stamps = {5}}));
  CHECK(target.load().stamps == std::vector<std::uint64_t>{5});
  CHECK(content(place.path + "/outside/file") == "outside");
}

TEST_CASE("a folder goes with its last file, and not with those of others") {
  const Place place;
  Target target = place.open();
  REQUIRE(put(target, "a/b/c", "1"));
  REQUIRE(put(target, "a/d", "2"));
  std::ofstream(place.in("a/own")) << "3";
  REQUIRE(target.remove(file("a/b/c", "1")));
  CHECK(mode(place.in("a/b")) == 0);
  REQUIRE(target.remove(file("a/d", "2")));
  REQUIRE(target.remove(file("a/d", "2")));
  CHECK(content(place.in("a/own")) == "3");
  REQUIRE(put(target, "a/b/c", "4"));
  CHECK(content(place.in("a/b/c")) == "4");
}

TEST_CASE("an empty folder makes room for a file, one with something in it does not") {
  const Place place;
  Target target = place.open();
  ::mkdir(place.in("empty").c_str(), 0755);
  ::mkdir(place.in("full").c_str(), 0755);
  std::ofstream(place.in("full/own")) << "3";
  REQUIRE(put(target, "empty", "text"));
  const auto full = put(target, "full", "text");
  REQUIRE_FALSE(full);
  CHECK(full.error().text.find("has not brought") != std::string::npos);
  CHECK(content(place.in("full/own")) == "3");
  const Entry link{.path = "empty", .is_link = true, .target = "anywhere/at all"};
  REQUIRE(target.put_link(link));
  CHECK(S_ISLNK(mode(place.in("empty"))));
  CHECK(target.look(link, 0).stamp != 0);
}

TEST_CASE("a target is one's own, or shared by those who do not change it") {
  const Place place;
  Target one = place.open();
  const Target other = place.open();
  CHECK(one.lock(true));
  CHECK_FALSE(other.lock(false));
  CHECK(one.lock(false));
  CHECK(other.lock(false));
  CHECK_FALSE(other.lock(true));
}

TEST_CASE("what git lists is a tree, and a folder without git is an error") {
  const Place place;
  const std::string tree = place.path + "/it's a tree";
  const std::string script = "set -e; cd '" + place.path +
                             "'; mkdir \"it's a tree\"; cd \"it's a tree\"; git init -q . ; "
                             "echo '*.o' >.gitignore; touch a.o new gone; printf x >'a b\n'; "
                             "ln -s nowhere link; git add gone; rm gone; chmod 700 new; "
                             "mkdir -p sub/x other; git init -q sub; touch sub/x/y";
  const auto none = LocalTree::list(place.path);
  REQUIRE_FALSE(none);
  CHECK(none.error().text.find("git init") != std::string::npos);
  REQUIRE(std::system(script.c_str()) == 0);
  const auto listed = LocalTree::list(tree);
  REQUIRE(listed);
  std::string paths;
  for (const Entry& entry : listed->manifest()) paths += entry.path + ",";
  CHECK(paths == ".gitignore,a b\n,link,new,sub/x/y,");
  CHECK(listed->manifest()[2].target == "nowhere");
  CHECK(listed->manifest()[3].mode == 0700);
  CHECK(listed->name().starts_with("it_s_a_tree-"));
}

}  // namespace
}  // namespace proxy
