#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "../base/result.h"

namespace subunit::rpc {

/// The versions of the protocol that one side speaks, both ends included.
struct VersionRange {
  int max = 1;
  int min = 1;

  bool operator==(const VersionRange&) const = default;
};

/// What this library speaks.
inline constexpr VersionRange kSupportedVersions{.max = 2, .min = 1};

/// The highest version in both ranges; an Error that names both ranges if there is none.
[[nodiscard]] Result<int> negotiate(VersionRange ours, VersionRange theirs);

/// The word of Hello::output.
inline constexpr std::string_view kSettledOutput = "settled";

/// Which tests: nothing means all of them, an empty list none.
using TestIds = std::optional<std::vector<std::string>>;

struct Hello {
  VersionRange versions;
  /// "settled": this test server waits, before each start and end of a test, until all that was
  /// printed has been read. Nothing, or another word: it does not.
  std::optional<std::string> output = std::nullopt;
  /// This test server starts a process for each Run, and would like so many tests in one.
  std::optional<int> batch = std::nullopt;
  bool operator==(const Hello&) const = default;
};

struct List {
  TestIds tests;
  std::string nonce;
  bool operator==(const List&) const = default;
};

struct Run {
  TestIds tests;
  std::string nonce;
  bool operator==(const Run&) const = default;
};

struct Done {
  std::string nonce;
  bool operator==(const Done&) const = default;
};

struct Goodbye {
  bool operator==(const Goodbye&) const = default;
};

/// Client: stop working on this as soon as possible. Its Done still comes.
struct Cancel {
  std::string nonce;
  bool operator==(const Cancel&) const = default;
};

/// Server, "Error" on the wire: a message could not be carried out. Takes the place of Done where
/// it has a nonce.
struct ErrorMessage {
  std::optional<std::string> nonce;
  std::string text;  ///< for people: cut at kMaxErrorText, and bytes that are not UTF-8 replaced
  bool operator==(const ErrorMessage&) const = default;
};

/// Client: are you alive? Server: yes.
struct Ping {
  std::string nonce;
  bool operator==(const Ping&) const = default;
};
struct Pong {
  std::string nonce;
  bool operator==(const Pong&) const = default;
};

/// The messages of protocol version 1, and those that version 2 adds, from Cancel on (PROTOCOL.md,
/// section "Messages").
using Message = std::variant<Hello, List, Run, Done, Goodbye, Cancel, ErrorMessage, Ping, Pong>;

/// One JSON object. An Error if a string in it is not UTF-8, a nonce is longer than kMaxNonceSize,
/// or there are more than kMaxTestIds.
[[nodiscard]] Result<std::string> to_json(const Message& message);

/// Unknown fields are ignored. An unknown "msg", a missing or mistyped field, a nonce longer than
/// kMaxNonceSize, anything that is no JSON object, or one nested deeper than kMaxJsonDepth is an
/// Error that shows the message, escaped and cut at 200 bytes.
[[nodiscard]] Result<Message> parse_message(std::string_view json);

/// Test ids in one message: more than the largest suites have, and what keeps a message full of
/// empty ones from taking many times its own size in memory.
inline constexpr std::size_t kMaxTestIds = 1 << 21;

/// Bytes of a nonce: it is kept while it is outstanding, and the answer that repeats it has to fit
/// into a message.
inline constexpr std::size_t kMaxNonceSize = 1 << 20;

/// Bytes of the text of an Error: a traceback.
inline constexpr std::size_t kMaxErrorText = 64 << 10;

}  // namespace subunit::rpc
