#pragma once

#include <sys/types.h>

#include <map>

#include "common/base/time.h"

namespace proxy {

/// CPU time, user and system, by session.
using CpuTimes = std::map<pid_t, subunit::Time>;

/// Fills in what the processes of each session named in `times` have used, those that have ended
/// and were waited for by one of them included (proc(5), stat). Reads /proc once, which takes some
/// ten microseconds for each process of the system.
void read_cpu_times(CpuTimes& times);

}  // namespace proxy
