#pragma once

#include "common/rpc/announcement.h"
#include "proxy/io/stream.h"

namespace proxy {

/// Says something of the proxy's own to the client.
void announce(const subunit::rpc::Announcement& announcement, Writer& to_client);

}  // namespace proxy
