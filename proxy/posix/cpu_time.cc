#include "proxy/posix/cpu_time.h"

#include <unistd.h>

#include "proxy/posix/process.h"

namespace proxy {

void read_cpu_times(CpuTimes& times) {
  if (times.empty()) return;
  static const long kTicksPerSecond = ::sysconf(_SC_CLK_TCK);
  for (const Process& process : read_processes()) {
    if (const auto session = times.find(process.session); session != times.end())
      session->second +=
          std::chrono::nanoseconds(std::chrono::seconds(1)) * process.ticks / kTicksPerSecond;
  }
}

}  // namespace proxy
