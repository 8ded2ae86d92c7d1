#pragma once

#include <string_view>

#include "common/base/result.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// Opens those of the descriptors 0, 1 and 2 that are closed: what is opened next would otherwise
/// get their numbers. Reading from 0 and writing to 1 fails then, as it does where they are closed;
/// what is written to 2 is dropped.
void open_standard_descriptors();

/// An Error if this process may not open as many descriptors as any of its commands needs: libuv
/// does not bear that.
[[nodiscard]] subunit::Result<> check_free_descriptors();

/// Other processes of this user, tests for instance, can no longer write to the descriptors of this
/// one by way of /proc/PID/fd, nor trace it (PR_SET_DUMPABLE of prctl(2)); root still can. There
/// are no core dumps then. Does nothing if SUBUNIT_PROXY_DUMPABLE is in the environment.
void hide_from_tests();

/// This process's stdin or stdout, taken away from everything else in it.
///
/// After take() the stream that was on 0 or 1 is on a private, close-on-exec descriptor. Instead,
/// /dev/null is on 0, or a copy of stderr on 1, so that no library and no child process can read or
/// write the stream by accident. A pipe is made larger where the system allows, since that decides
/// most about the speed of a relay.
///
/// Whoever started this process may share the stream's open file description with it. It is opened
/// afresh where that is possible, and otherwise gets its flags back at the end.
class PrivateStream {
 public:
  [[nodiscard]] static subunit::Result<PrivateStream> take_stdin();
  [[nodiscard]] static subunit::Result<PrivateStream> take_stdout();

  PrivateStream(PrivateStream&&) = default;
  PrivateStream& operator=(PrivateStream&&) = delete;
  ~PrivateStream();

  /// A new descriptor for the stream, for a Reader or Writer to own.
  [[nodiscard]] Fd duplicate() const;

 private:
  PrivateStream() = default;
  [[nodiscard]] static subunit::Result<PrivateStream> take(int fd, int mode);

  Fd fd_;
  int flags_to_restore_ = -1;
};

/// Puts /dev/null on 0 and a copy of stderr on 1, where somebody else uses the streams.
[[nodiscard]] subunit::Result<> leave_standard_streams();

/// For pipes: what a relay asks the system for.
inline constexpr int kPipeCapacity = 1 << 20;  // the most an ordinary user gets (pipe(7))

/// Tells whoever started this that it is ready.
///
/// Writes `READY address` and a newline to `fd` and closes it.
[[nodiscard]] subunit::Result<> notify_fd(int fd, std::string_view address);

/// Sends READY=1 to the service manager's socket, where the environment names one in NOTIFY_SOCKET
/// (sd_notify(3)), and takes that variable out of the environment: it is not for the test server.
[[nodiscard]] subunit::Result<> notify_service_manager();

}  // namespace proxy
