#include "proxy/sync/local_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/base/shell_words.h"
#include "common/base/text.h"
#include "common/push/transfer.h"
#include "proxy/posix/folder.h"

namespace proxy {

using subunit::error;
using subunit::escaped;
using subunit::Result;
using subunit::sync::Entry;

namespace {

struct Ended {
  int status;
  std::string output;
};

/// What a shell command prints.
Ended run(const std::string& command) {
  std::FILE* const pipe = ::popen(command.c_str(), "re");
  if (!pipe) return {-1, std::strerror(errno)};
  std::string output;
  std::array<char, 64 << 10> bytes;
  while (const std::size_t size = std::fread(bytes.data(), 1, bytes.size(), pipe))
    output.append(bytes.data(), size);
  return {::pclose(pipe), std::move(output)};
}

/// The paths that git lists, each with a NUL behind it.
Result<std::string> list_files(const std::string& folder) {
  // Within a hook of git these name another repository.
  const std::string command = "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX; git -C " +
                              subunit::shell_quote(folder) +
                              " ls-files -z --cached --others --exclude-standard";
  Ended listed = run(command + " 2>/dev/null");
  if (listed.status == 0) return std::move(listed.output);
  std::string why = run(command + " 2>&1 >/dev/null").output;
  while (why.ends_with('\n')) why.pop_back();
  return error(
      "--sync {}: git cannot list its files: {} (--sync brings what git tracks: try `git init` "
      "there, or another folder)",
      escaped(folder), escaped(why, 400));
}

}  // namespace

Result<LocalTree> LocalTree::list(const std::string& folder) {
  LocalTree tree;
  tree.folder_ = absolute_path(folder);
  while (tree.folder_.size() > 1 && tree.folder_.ends_with('/')) tree.folder_.pop_back();
  if (auto added = tree.add_repository(""); !added) return tl::unexpected(added.error());
  auto& entries = tree.manifest_;
  // What is in conflict is listed several times.
  std::ranges::sort(entries, subunit::sync::is_before, &Entry::path);
  const auto same_path = [](const Entry& one, const Entry& other) {
    return one.path == other.path;
  };
  entries.erase(std::unique(entries.begin(), entries.end(), same_path), entries.end());
  const subunit::Buffer manifest = encode(entries);
  if (manifest.size() > subunit::sync::kMaxManifest)
    return error("--sync {}: {} files are too many", escaped(folder), entries.size());
  // A file that was listed may be a folder by now.
  if (auto parsed = subunit::sync::parse_manifest(manifest); !parsed)
    return error("--sync {}: {}", escaped(folder), parsed.error().text);
  return tree;
}

/// `below`: the path of its folder, with "/" behind it, or "".
Result<> LocalTree::add_repository(const std::string& below) {
  const auto listed = list_files(path_of(below));
  if (!listed) return tl::unexpected(listed.error());
  std::string_view rest = *listed;
  while (!rest.empty()) {
    std::string path = below + std::string(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.find('\0'), rest.size() - 1) + 1);
    while (path.ends_with('/')) path.pop_back();
    if (auto added = add(path); !added) return added;
  }
  return {};
}

Result<> LocalTree::add(const std::string& path) {
  const std::string full = path_of(path);
  const auto problem = [&](const char* what) {
    return error("--sync {}: cannot {} {}: {}", escaped(folder_), what, escaped(path),
                 std::strerror(errno));
  };
  struct stat status;
  if (::lstat(full.c_str(), &status) != 0) {
    // Removed from the working tree, and not from git's list yet.
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return problem("look at");
  }
  if (S_ISDIR(status.st_mode)) {
    // A submodule, or a repository of its own. One that was not checked out is empty.
    return ::access((full + "/.git").c_str(), F_OK) == 0 ? add_repository(path + "/") : Result<>();
  }
  Entry entry{.path = path, .is_link = S_ISLNK(status.st_mode)};
  if (entry.is_link) {
    std::array<char, subunit::sync::kMaxPath + 1> target;
    const ssize_t size = ::readlink(full.c_str(), target.data(), target.size());
    if (size < 0) return problem("read the symbolic link");
    entry.target.assign(target.data(), static_cast<std::size_t>(size));
  } else if (S_ISREG(status.st_mode)) {
    entry.mode = status.st_mode & 0777U;
    const auto file = open(entry);
    if (!file) return tl::unexpected(file.error());
    subunit::sync::FingerprintBuilder builder;
    std::array<std::uint8_t, 64 << 10> bytes;
    for (std::size_t size = bytes.size(); size == bytes.size(); entry.size += size) {
      const auto read = read_piece(file->get(), bytes, path);
      if (!read) return tl::unexpected(read.error());
      size = *read;
      builder.add(subunit::Bytes(bytes).first(size));
    }
    entry.content = builder.finish();
  } else {
    return {};  // a socket, say
  }
  manifest_.push_back(std::move(entry));
  return {};
}

std::string LocalTree::name() const {
  std::array<char, 256> host{};
  (void)::gethostname(host.data(), host.size() - 1);
  std::string name = folder_.substr(folder_.rfind('/') + 1);
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '-' && c != '.') c = '_';
  }
  const std::string whole = std::string(host.data()) + ":" + folder_;
  return fmt::format("{}-{}", name.substr(0, 100),
                     subunit::push::content_hash(subunit::as_bytes(whole)));
}

Result<Fd> LocalTree::open(const Entry& entry) const {
  Fd file(::open(path_of(entry.path).c_str(),
                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file)
    return error("--sync {}: cannot read {}: {}", escaped(folder_), escaped(entry.path),
                 std::strerror(errno));
  return file;
}

Result<std::size_t> read_piece(int file, std::span<std::uint8_t> to, const std::string& path) {
  std::size_t at = 0;
  while (at < to.size()) {
    const ssize_t size = ::read(file, to.data() + at, to.size() - at);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return error("--sync cannot read {}: {}", escaped(path), std::strerror(errno));
    if (size == 0) break;
    at += static_cast<std::size_t>(size);
  }
  return at;
}

}  // namespace proxy
