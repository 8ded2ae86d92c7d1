#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/report/text_cells.h"
#include "common/run/running_tests.h"
#include "common/subunit/packet.h"

namespace subunit::report {

/// What tests print while they run, line by line, each line with its test in front:
///
///     …s.test_net.Case.test_dns: asking 127.0.0.1
///     worker-1: printed at import
///     channel-1 tests.test_net.Case.test_dns: where the test runs at several sites
///
/// Servers print at the same time, and what one prints comes in pieces: a line is shown once it is
/// whole, or its test has ended, or it is longer than kMaxLine. Nothing in it acts on the terminal.
class LiveLines {
 public:
  static constexpr std::size_t kMaxLine = 4 << 10;    // a longer one is several
  static constexpr std::size_t kMaxStreams = 10'000;  // with a line that is not whole
  static constexpr std::size_t kMaxShownId = 60;      // columns

  /// Where a test runs at several sites: at which one, for people. "" where it is at one only.
  using Where = std::function<std::string(std::optional<run::WorkerNumber>)>;

  /// `cells` is the caller's, and lives longer.
  explicit LiveLines(const TextCells& cells, Where where = nullptr)
      : cells_(cells), where_(std::move(where)) {}

  /// To be told of every packet. Returns what there is to show now.
  [[nodiscard]] std::string packet(const Packet& packet, std::optional<run::WorkerNumber> worker);
  /// An attempt at a test has ended, and its test has not.
  [[nodiscard]] std::string attempted(std::string_view test_id,
                                      std::optional<run::WorkerNumber> worker);
  /// Nothing more will come.
  [[nodiscard]] std::string finish();

 private:
  using Source = std::pair<std::optional<run::WorkerNumber>, std::string>;  // and a test, or ""
  /// What has come of a line, by the name of the stream.
  using Streams = std::map<std::string, std::string, std::less<>>;

  void add(const Source& source, Streams& streams, std::string_view name, std::string_view text,
           std::string& shown) const;
  void show(const Source& source, std::string_view line, std::string& shown) const;
  [[nodiscard]] std::string end(const Source& source);

  const TextCells& cells_;
  const Where where_;  // may be empty
  std::map<Source, Streams> open_;
};

}  // namespace subunit::report
