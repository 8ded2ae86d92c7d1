#pragma once

#include <functional>
#include <memory>

#include "proxy/io/handle.h"
#include "proxy/net/socket_owner.h"

namespace proxy {

/// Finds out who has the other end of a TCP connection without holding up the loop.
class OwnerLookup {
 public:
  /// `found` is called once, in a later turn of the loop, unless this is destroyed before.
  OwnerLookup(uv_loop_t& loop, int fd, std::function<void(TcpPeer)> found);
  OwnerLookup(OwnerLookup&&) = delete;
  ~OwnerLookup();

 private:
  struct Search;

  void deliver(TcpPeer peer);
  void search(uv_loop_t& loop, const TcpConnection& connection);

  std::function<void(TcpPeer)> found_;
  TcpPeer peer_;
  Timer timer_;
  Search* search_ = nullptr;  // frees itself
};

}  // namespace proxy
