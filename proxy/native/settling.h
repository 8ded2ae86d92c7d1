#pragma once

#include <vector>

#include "proxy/posix/fd.h"

namespace proxy::native {

/// Flushes stdout and stderr, those of C and of C++.
void flush_output();

/// This process's stdout and stderr as pipes that a proxy reads (PROTOCOL.md, section "What the
/// tests print"). What is neither, such as a file that a shell has put there, is not waited for.
class OutputPipes {
 public:
  /// Keeps descriptors of its own: tests put other things in the place of 1 and 2.
  OutputPipes();

  /// Flushes, and returns once what was written before has been read, or nobody has the other end
  /// of the pipe any more.
  void settle() const;

 private:
  std::vector<Fd> pipes_;
};

/// Returns when the proxy has read what was sent to it, or is gone; or does not read, for a second,
/// because its client does not. Where the kernel does not tell, as with TCP, at once.
void wait_until_proxy_has_read(int connection);

}  // namespace proxy::native
