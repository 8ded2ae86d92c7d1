#include "proxy/python/write_archive.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "proxy/python/archive.h"

namespace proxy {

int write_archive(const WriteArchiveOptions&, const Log& log) {
  const std::string_view archive = python_archive();
  if (std::fwrite(archive.data(), 1, archive.size(), stdout) == archive.size() &&
      std::fflush(stdout) == 0)
    return 0;
  log.error("cannot write the archive to stdout: {}", std::strerror(errno));
  return 3;
}

}  // namespace proxy
