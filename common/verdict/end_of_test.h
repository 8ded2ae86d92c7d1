#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "../subunit/encoder.h"
#include "../subunit/packet.h"

namespace subunit::verdict {

/// What ends a test as failed, or with another final status, on behalf of whoever can no longer do
/// it.
struct EndOfTest {
  std::string_view test_id;
  std::string_view reason;  ///< text; bytes that are not UTF-8 are escaped
  std::optional<Timestamp> when = std::nullopt;
  Status status = Status::kFail;
  std::optional<std::string_view> route = std::nullopt;
};

/// The packet's fields, with the reason as attachment "subunit-proxy". `text` gets the reason, and
/// has to last as long as the result.
[[nodiscard]] Fields fields_of(const EndOfTest& end, std::string& text);

/// Appends the packet: without reason and tags if it cannot be encoded with them, since a reader
/// must not miss the end of a test in any case.
void encode_end(const EndOfTest& end, Buffer& out);
void encode_end(const Fields& fields, TagList tags, Buffer& out);

/// Whether `test_id` is no test, but what Python's unittest calls a fixture of a class or module
/// where that fails or skips: setUpClass, tearDownClass, setUpModule or tearDownModule, and then
/// " (module.Class)" or " (module)".
[[nodiscard]] bool is_fixture(std::string_view test_id);

/// The fixtures that were reported in one Run. unittest runs no test of a class or module
/// that is not set up, and says nothing else of them.
class Fixtures {
 public:
  /// A packet of results.
  void record(const Packet& packet);

  struct Outcome {
    Status status;       ///< kFail or kSkip
    std::string reason;  ///< a line, for a person
  };
  /// How `test_id`, "module.Class.method", has ended, which has no result: as the fixture did that
  /// comes before it. Nothing if none is known that has failed or was skipped.
  [[nodiscard]] std::optional<Outcome> outcome(std::string_view test_id) const;

 private:
  std::map<std::string, Status, std::less<>> outcomes_;  // kFail or kSkip, by id
};

}  // namespace subunit::verdict
