#pragma once

// What a ResultReader makes of bytes, as lines that a test can compare.

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/adapter/adapter.h"

namespace subunit::adapter {

using Strings = std::vector<std::string>;

/// "start ID", "success ID", "fail ID failure=TEXT", "output TEXT".
inline Strings lines_of(ResultReader& reader) {
  struct Line {
    std::string operator()(const TestStarted& event) const { return "start " + event.id; }
    std::string operator()(const TestEnded& event) const {
      static constexpr const char* kNames[] = {"none",      "exists", "inprogress", "success",
                                               "uxsuccess", "skip",   "fail",       "xfail"};
      std::string line = kNames[static_cast<int>(event.status)] + (' ' + event.id);
      for (const Attachment& each : event.attachments)
        line += fmt::format(" {}={}", each.name, each.text);
      return line;
    }
    std::string operator()(const Output& event) const { return "output " + event.bytes; }
  };
  Strings lines;
  while (const auto event = reader.next_event()) lines.push_back(std::visit(Line(), *event));
  return lines;
}

/// The lines of a reader that gets `bytes`, whole and in pieces, which makes no difference.
inline Strings read(const std::function<std::unique_ptr<ResultReader>()>& make,
                    std::string_view bytes, const Remains& remains = {.exit = 0, .clean = true}) {
  const auto reader = make();
  reader->receive(bytes);
  reader->end(remains);
  Strings whole = lines_of(*reader);
  std::mt19937_64 random(1);
  for (const std::size_t most : {std::size_t(1), std::size_t(7), std::size_t(100)}) {
    const auto in_pieces = make();
    for (std::string_view left = bytes; !left.empty();) {
      const std::size_t size = 1 + random() % most;
      in_pieces->receive(left.substr(0, size));
      left.remove_prefix(std::min(size, left.size()));
    }
    in_pieces->end(remains);
    CHECK(lines_of(*in_pieces) == whole);
  }
  return whole;
}

}  // namespace subunit::adapter
