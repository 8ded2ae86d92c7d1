#include "proxy/push/self_check.h"

#include <cstdio>

#include "common/push/transfer.h"
#include "proxy/posix/read_file.h"

namespace proxy {

int self_check(const SelfCheckOptions& options, const Log& log) {
  constexpr std::size_t kMore = 1;  // enough to see that it is longer
  const auto content = read_file("this program", "/proc/self/exe", options.size + kMore);
  if (!content) {
    log.error("{}", content.error().text);
  } else if (content->size() != options.size) {
    log.error("{} of {} bytes have arrived", content->size(), options.size);
  } else if (subunit::push::content_hash(subunit::as_bytes(*content)) != options.hash) {
    log.error("it was damaged on its way");
  } else {
    // Said, and not only by the status: an empty file that is started succeeds, too.
    const std::string line = options.hash + "\n";
    return std::fputs(line.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : 3;
  }
  return 3;
}

}  // namespace proxy
