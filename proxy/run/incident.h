#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace proxy {

/// The number of a test server within a run: K of the tag worker-K.
using WorkerNumber = std::size_t;

/// Something that happened in a run and is no packet.
struct Incident {
  enum class Kind {
    kAttached,  ///< a server is there and answers
    kGone,      ///< a server is lost: it ended, or had to be ended, before its time
    kSlow,      ///< the test has taken longer than --slow; needs no text
    kTrouble,   ///< something to warn of: a channel lost, a server that hangs
  };
  Kind kind;
  std::optional<WorkerNumber> worker = std::nullopt;
  std::string_view test_id = {};  ///< "": of no test in particular
  std::string_view text = {};     ///< for a person: what, and why
};

}  // namespace proxy
