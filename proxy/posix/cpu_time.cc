#include "proxy/posix/cpu_time.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/posix/fd.h"

namespace proxy {
namespace {

struct ProcessTime {
  pid_t session;
  long ticks;
};

/// Reads a line of /proc/PID/stat. The name, in parentheses, may contain anything.
std::optional<ProcessTime> parse_stat(std::string_view line) {
  constexpr int kState = 3, kSession = 6, kFirstTime = 14, kLastTime = 17;  // numbered as proc(5)
  const std::size_t name_end = line.rfind(')');
  if (name_end == line.npos) return std::nullopt;
  line.remove_prefix(std::min(name_end + 2, line.size()));
  ProcessTime process{};
  for (int field = kState; field <= kLastTime; ++field) {
    const std::size_t end = line.find(' ');
    if (end == line.npos) return std::nullopt;
    long value = 0;
    std::from_chars(line.data(), line.data() + end, value);
    if (field == kSession) process.session = static_cast<pid_t>(value);
    if (field >= kFirstTime) process.ticks += value;
    line.remove_prefix(end + 1);
  }
  return process;
}

std::optional<ProcessTime> read_stat(int proc, std::string_view pid) {
  const Fd file(::openat(proc, fmt::format("{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text;  // a line has some 300 bytes
  const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size <= 0) return std::nullopt;  // it has ended
  return parse_stat({text.data(), static_cast<std::size_t>(size)});
}

}  // namespace

void read_cpu_times(CpuTimes& times) {
  if (times.empty()) return;
  static const long kTicksPerSecond = ::sysconf(_SC_CLK_TCK);
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name = entry->d_name;
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    const auto process = read_stat(::dirfd(proc.get()), name);
    if (!process) continue;
    if (const auto session = times.find(process->session); session != times.end())
      session->second +=
          std::chrono::nanoseconds(std::chrono::seconds(1)) * process->ticks / kTicksPerSecond;
  }
}

}  // namespace proxy
