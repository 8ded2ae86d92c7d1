#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/io/packet_reader.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// A connected test server whose right to be one was checked. The reader is paused, and may hold
/// packets that came already.
struct ServerConnection {
  std::unique_ptr<PacketReader> reader;
  Fd out;
  std::string address;
  std::optional<int> pid;
};

}  // namespace proxy
