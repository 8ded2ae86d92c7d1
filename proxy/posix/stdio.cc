#include "proxy/posix/stdio.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr int kFirstPrivateFd = 3;

/// A pipe or terminal opened once more has flags of its own. Nothing if that is not allowed (the
/// pipe of another user) or not possible (a socket).
Fd open_afresh(int fd, int mode) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !(S_ISFIFO(status.st_mode) || ::isatty(fd))) return {};
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  Fd fresh(::open(path.c_str(), mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (fresh && fresh.get() < kFirstPrivateFd)
    return Fd(::fcntl(fresh.get(), F_DUPFD_CLOEXEC, kFirstPrivateFd));
  return fresh;
}

Fd duplicate_private(int fd) {
  return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstPrivateFd));
}

Result<> replace(int fd, int substitute) {
  if (::dup2(substitute, fd) == fd) return {};
  return error("cannot replace descriptor {}: {}", fd, std::strerror(errno));
}

}  // namespace

Result<PrivateStream> PrivateStream::take_stdin() {
  auto stream = take(0, O_RDONLY);
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (auto replaced = replace(0, null.get()); !replaced) return tl::unexpected(replaced.error());
  return stream;
}

Result<PrivateStream> PrivateStream::take_stdout() {
  auto stream = take(1, O_WRONLY);
  if (auto replaced = replace(1, 2); !replaced) return tl::unexpected(replaced.error());
  return stream;
}

Result<PrivateStream> PrivateStream::take(int fd, int mode) {
  PrivateStream stream;
  stream.fd_ = open_afresh(fd, mode);
  if (!stream.fd_) {
    stream.fd_ = duplicate_private(fd);
    if (!stream.fd_) return error("cannot duplicate descriptor {}: {}", fd, std::strerror(errno));
    stream.flags_to_restore_ = ::fcntl(fd, F_GETFL);
  }
  ::fcntl(stream.fd_.get(), F_SETPIPE_SZ, kPipeCapacity);  // a smaller one works too
  return stream;
}

PrivateStream::~PrivateStream() {
  if (fd_ && flags_to_restore_ >= 0) ::fcntl(fd_.get(), F_SETFL, flags_to_restore_);
}

Fd PrivateStream::duplicate() const {
  return duplicate_private(fd_.get());
}

}  // namespace proxy
