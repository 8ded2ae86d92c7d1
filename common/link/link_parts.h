#pragma once

// What a Link is made of. Internal to this folder: LinkInput looks at what comes from the line,
// LinkOutput decides what goes to it next, and Link keeps the time.

#include <optional>

#include "common/link/arq/acknowledgement.h"
#include "common/link/arq/keepalive.h"
#include "common/link/arq/receive_window.h"
#include "common/link/arq/round_trip.h"
#include "common/link/arq/sender.h"
#include "common/link/handshake.h"
#include "common/link/line_test.h"
#include "common/link/link.h"

namespace subunit::link {

/// What the two directions of one end share.
struct LinkParts {
  /// kComplete: both streams have arrived as a whole, and both ends know.
  enum class Phase { kOpening, kOpen, kComplete, kDead, kAbandoned };

  explicit LinkParts(const LinkOptions& link_options);

  [[nodiscard]] bool over() const { return phase > Phase::kOpen; }
  [[nodiscard]] bool open() const { return phase == Phase::kOpen; }
  /// Both streams are here as a whole.
  [[nodiscard]] bool all_arrived() const {
    return receive && receive->finished() && sender.window().finish_arrived();
  }
  /// Everything was sent and has come, but for the word that the other end has heard our end.
  [[nodiscard]] bool only_word_missing() const {
    return receive && receive->finished() && sender.window().only_finish_left();
  }

  const LinkOptions options;
  Phase phase = Phase::kOpening;
  Time now{0};
  FrameReader reader;
  Handshake session;
  Sender sender;
  std::optional<ReceiveWindow> receive;  // once the session is there
  AckTimer ack;
  Keepalive keepalive;
  Pacer pacer;
  LineTester tester;
  LineTestee testee;
  bool both_upgrade = false;
  bool said_all_arrived = false;
  bool heard_all_arrived = false;

  Buffer output;  // what is offered to be written
  // What else is to be written soon.
  bool xon_due = false;
  bool ping_due = false;
  bool echo_due = false;

  Link::Statistics counts;
};

}  // namespace subunit::link
