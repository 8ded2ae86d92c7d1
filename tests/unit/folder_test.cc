#include "proxy/posix/folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace proxy {
namespace {

using Names = std::vector<std::string>;

/// An empty one, which goes with this.
struct Folder {
  Folder() { REQUIRE(::mkdtemp(path.data())); }
  ~Folder() { remove_folder(path); }

  [[nodiscard]] std::string operator/(const std::string& name) const { return path + "/" + name; }

  std::string path = "/tmp/folder-test-XXXXXX";
};

void write(const std::string& path) {
  std::ofstream(path) << "content";
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Names sorted(Names names) {
  std::ranges::sort(names);
  return names;
}

TEST_CASE("a folder is removed with all that is in it, and with nothing else") {
  Folder place;
  const std::string folder = place / "folder";
  ::mkdir(folder.c_str(), 0700);
  ::mkdir((folder + "/inner").c_str(), 0700);
  write(folder + "/inner/file");
  ::mkfifo((folder + "/fifo").c_str(), 0600);
  ::mkdir((place / "other").c_str(), 0700);
  write(place / "other/file");
  REQUIRE(::symlink((place / "other").c_str(), (folder + "/link").c_str()) == 0);
  REQUIRE(::symlink("nothing", (folder + "/dangling").c_str()) == 0);
  remove_folder(folder);
  CHECK_FALSE(exists(folder));
  CHECK(names_in(place.path) == Names{"other"});
  CHECK(exists(place / "other/file"));
  remove_folder(folder);  // is gone already
}

TEST_CASE("a link to a folder is removed, and the folder is not") {
  Folder place;
  ::mkdir((place / "folder").c_str(), 0700);
  write(place / "folder/file");
  REQUIRE(::symlink("folder", (place / "link").c_str()) == 0);
  remove_folder(place / "link");
  CHECK_FALSE(exists(place / "link"));
  CHECK(exists(place / "folder/file"));
}

TEST_CASE("a folder has the names of what is in it") {
  Folder place;
  CHECK(names_in(place.path).empty());
  for (const char* name : {"a", ".hidden", "...", "with space"}) write(place / name);
  CHECK(sorted(names_in(place.path)) == Names{"...", ".hidden", "a", "with space"});
  CHECK(names_in(place / "a").empty());
  CHECK(names_in(place / "none").empty());
}

TEST_CASE("a path is absolute with the current directory before it") {
  CHECK(absolute_path("/a/b") == "/a/b");
  const std::string current = absolute_path("");
  CHECK(current.starts_with('/'));
  CHECK(absolute_path("a/b") == current + "a/b");
}

TEST_CASE("this program knows its file") {
  struct stat own {
  }, running{};
  CHECK(::stat(own_path().c_str(), &own) == 0);
  CHECK(::stat("/proc/self/exe", &running) == 0);
  CHECK(own.st_ino == running.st_ino);
}

}  // namespace
}  // namespace proxy
