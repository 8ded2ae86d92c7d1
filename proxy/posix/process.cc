#include "proxy/posix/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>

#include "common/base/text.h"
#include "proxy/posix/fd.h"

namespace proxy {
namespace {

constexpr std::size_t kMaxShown = 60;

/// Reads a line of /proc/PID/stat. The name, in parentheses, may contain anything.
std::optional<Process> parse_stat(std::string_view line) {
  // Numbered as in proc(5).
  constexpr int kState = 3, kParent = 4, kSession = 6, kFirstTime = 14, kLastTime = 17;
  constexpr int kStart = 22;
  const std::size_t name_end = line.rfind(')');
  if (name_end == line.npos) return std::nullopt;
  Process process{};
  std::from_chars(line.data(), line.data() + line.size(), process.pid);
  line.remove_prefix(std::min(name_end + 2, line.size()));
  for (int field = kState; field <= kStart; ++field) {
    const std::size_t end = line.find(' ');
    if (end == line.npos) return std::nullopt;
    long long value = 0;
    std::from_chars(line.data(), line.data() + end, value);
    if (field == kState) process.state = line[0];
    if (field == kParent) process.parent = static_cast<pid_t>(value);
    if (field == kSession) process.session = static_cast<pid_t>(value);
    if (field >= kFirstTime && field <= kLastTime) process.ticks += static_cast<long>(value);
    if (field == kStart) process.started_at = static_cast<unsigned long long>(value);
    line.remove_prefix(end + 1);
  }
  return process;
}

/// The beginning of a file in /proc: a line of "stat" has some 300 bytes.
std::string read_beginning(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text;
  const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

}  // namespace

std::optional<Process> read_process(pid_t pid) {
  return parse_stat(read_beginning(fmt::format("/proc/{}/stat", pid)));
}

std::vector<Process> read_processes() {
  std::vector<Process> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return all;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (read.ec != std::errc() || read.ptr != name.data() + name.size()) continue;
    if (const auto process = read_process(pid)) all.push_back(*process);
  }
  return all;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  const Fd list(
      ::open(fmt::format("/proc/{0}/task/{0}/children", parent).c_str(), O_RDONLY | O_CLOEXEC));
  if (!list) {
    for (const Process& process : read_processes())
      if (process.parent == parent) children.push_back(process.pid);
    return children;
  }
  std::string text;
  std::array<char, 4096> piece;
  for (ssize_t size = 0; (size = ::read(list.get(), piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(size));
  for (const char *at = text.data(), *const end = at + text.size(); at < end; ++at) {
    pid_t pid = 0;
    at = std::from_chars(at, end, pid).ptr;
    if (pid > 0) children.push_back(pid);
  }
  return children;
}

std::string describe_process(pid_t pid) {
  std::string words = read_beginning(fmt::format("/proc/{}/cmdline", pid));
  while (words.ends_with('\0')) words.pop_back();
  if (words.empty()) words = read_beginning(fmt::format("/proc/{}/comm", pid));
  std::ranges::replace(words, '\0', ' ');
  if (words.ends_with('\n')) words.pop_back();
  return fmt::format("\"{}\" (process {})", subunit::escaped(words, kMaxShown), pid);
}

}  // namespace proxy
