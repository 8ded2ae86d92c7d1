#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "common/base/time.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// Writes to stderr, a pipe, a terminal or a file that others chose, without waiting for whoever
/// reads it: a full pipe, or a terminal after ^S, may take nothing for ever.
///
/// What the kernel may hold up is written by a thread. The other ways do not do: O_NONBLOCK belongs
/// to what all processes share that have the descriptor, the shell among them; poll() before each
/// write promises nothing, since another process may fill the pipe in between, and a terminal that
/// takes one byte blocks for a line; and opening /proc/self/fd/N for a description of our own
/// fails for sockets, and for pipes of another user.
///
/// A regular file has no reader that could be slow. It is written at once, and never dropped from.
class BackgroundWriter {
 public:
  struct Limits {
    std::size_t queue;          ///< bytes that wait; what comes while there are more is dropped
    subunit::Time hand_over{};  ///< see write()
  };

  /// `fd` is the caller's, and stays open until the process ends.
  BackgroundWriter(int fd, Limits limits);
  /// Closes it once all is written, or when the process ends.
  BackgroundWriter(Fd fd, Limits limits);
  BackgroundWriter(const BackgroundWriter&) = delete;
  /// Leaves no thread behind, unless something still waits to be written.
  ~BackgroundWriter();

  /// Writes the whole of it, with one write() if it is no longer than PIPE_BUF, or drops the whole.
  /// Returns whether it was taken.
  ///
  /// If nothing waits, this waits for `hand_over` at the most until it is written: then it keeps
  /// its order with what is written elsewhere to the same terminal. That is not tried again until
  /// all that waits has been written, so a reader that stands still costs this time once.
  bool write(std::string piece);

  /// Something waits to be written, and has for longer than `hand_over`.
  [[nodiscard]] bool stalled() const;

  /// Waits until all is written: for as long as something is taken within each `quiet`, and for no
  /// longer than `most`. Returns the bytes that were not taken.
  std::size_t flush(subunit::Time quiet, subunit::Time most);

  /// The errno of the first write that failed, or 0. Only that piece was lost.
  [[nodiscard]] int error() const;

 private:
  struct Shared;

  [[nodiscard]] bool has_thread();

  const Limits limits_;
  const bool direct_;
  std::shared_ptr<Shared> shared_;  // with the thread, which may outlive this
  std::thread thread_;
};

}  // namespace proxy
