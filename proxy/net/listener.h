#pragma once

#include <optional>
#include <string>

#include "proxy/net/endpoint.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// A listening socket. What it has made in the file system goes with it.
class Listener {
 public:
  [[nodiscard]] static subunit::Result<Listener> open(const Endpoint& endpoint);

  /// A unix socket that only this user reaches, whatever becomes of the network: in a new folder
  /// with mode 0700 in the first of XDG_RUNTIME_DIR, TMPDIR, /tmp, /dev/shm and /run that takes
  /// one. Where none does, an abstract socket with a random name, to which every process of this
  /// network namespace can connect. Folders of this kind that killed processes have left behind are
  /// removed.
  [[nodiscard]] static subunit::Result<Listener> open_private();

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener() { close(); }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool is_unix() const { return endpoint_.is_unix(); }
  /// Where it can be reached: with the port that was chosen for it.
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] const std::string& address() const { return address_; }

  /// The next connection; no descriptor if it has gone again, or there are no descriptors left.
  [[nodiscard]] Fd accept() const;

  void close();

 private:
  Listener(Fd fd, std::string folder);

  Fd fd_;
  Endpoint endpoint_;
  std::string address_;
  std::optional<ino_t> file_;  // the socket's, if it is in the file system
  std::string folder_;         // made for it
  Fd lock_;                    // tells others that the folder is in use
};

}  // namespace proxy
