#include "common/verdict/end_of_test.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"

namespace subunit::verdict {

Fields fields_of(const EndOfTest& end, std::string& text) {
  text = scan_utf8(as_bytes(end.reason)).valid == end.reason.size() ? std::string(end.reason)
                                                                    : escaped(end.reason, SIZE_MAX);
  return {.test_id = end.test_id,
          .route_code = end.route,
          .mime_type = "text/plain;charset=utf8",
          .timestamp = end.when,
          .file = File{"subunit-proxy", as_bytes(text)},
          .status = end.status,
          .eof = true};
}

void encode_end(const EndOfTest& end, Buffer& out) {
  std::string text;
  encode_end(fields_of(end, text), {}, out);
}

void encode_end(const Fields& fields, TagList tags, Buffer& out) {
  // The id came out of a packet, and a reason is a page of text, so this can be encoded.
  if (encode_file(fields, tags, out)) return;
  (void)encode({.test_id = fields.test_id,
                .route_code = fields.route_code,
                .timestamp = fields.timestamp,
                .status = fields.status},
               out);
}

namespace {

/// What is before the last dot; nothing if there is none.
std::string_view parent(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return name.substr(0, dot == std::string_view::npos ? 0 : dot);
}

}  // namespace

bool is_fixture(std::string_view test_id) {
  constexpr std::array<std::string_view, 4> kBeginnings = {"setUpClass (", "tearDownClass (",
                                                           "setUpModule (", "tearDownModule ("};
  return test_id.ends_with(')') &&
         std::ranges::any_of(kBeginnings, [test_id](std::string_view beginning) {
           return test_id.starts_with(beginning);
         });
}

void Fixtures::record(const Packet& packet) {
  const bool tells = packet.status == Status::kFail || packet.status == Status::kSkip;
  if (tells && packet.test_id && is_fixture(*packet.test_id))
    outcomes_.insert_or_assign(std::string(*packet.test_id), packet.status);
}

std::optional<Fixtures::Outcome> Fixtures::outcome(std::string_view test_id) const {
  // Behind the method may be a scenario or attributes, with dots of their own.
  const std::string_view in_class = parent(test_id.substr(0, test_id.find_first_of("([")));
  for (const std::string& fixture : {fmt::format("setUpModule ({})", parent(in_class)),
                                     fmt::format("setUpClass ({})", in_class)}) {
    const auto found = outcomes_.find(fixture);
    if (found == outcomes_.end()) continue;
    const bool failed = found->second == Status::kFail;
    return Outcome{found->second, fmt::format("{} {}, so this test did not run\n", fixture,
                                              failed ? "failed" : "was skipped")};
  }
  return std::nullopt;
}

}  // namespace subunit::verdict
