#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/subunit/encoder.h"
#include "common/verdict/ledger.h"
#include "proxy/run/output.h"

namespace proxy {

/// What a run has to say: takes packets from servers and verdicts of our own, keeps the books, and
/// hands all of it to the outputs.
class Results {
 public:
  /// `tagged`: statuses get the tag worker-K of the server they come from.
  void set_tagged(bool tagged) { tagged_ = tagged; }
  void add_output(std::unique_ptr<Output> output) { outputs_.push_back(std::move(output)); }

  [[nodiscard]] const subunit::verdict::Ledger& ledger() const { return ledger_; }

  /// These tests are going to run, each as often as it stands there.
  void expect(const std::vector<std::string>& ids);

  /// A packet from the server `worker`, or from no server. `route`: the route code that it is to
  /// have, which is what the server itself gave it. Its views have to last until flush().
  void add(const subunit::Packet& packet, std::optional<WorkerNumber> worker,
           std::optional<std::string_view> route);

  /// Ends a test as failed, with `reason` as attachment.
  void fail(std::string_view test_id, std::string_view reason,
            std::optional<WorkerNumber> worker = std::nullopt);

  /// Whole packets of our own making.
  void add_own(subunit::Bytes packets, std::optional<WorkerNumber> worker = std::nullopt);

  void happened(const Incident& incident);

  /// What came in one go is over.
  void flush();

  /// Nothing more will come.
  void finish(bool completed);

 private:
  // Packets that had to be written anew lie here until the outputs have taken them.
  static constexpr std::size_t kRewrittenSize = 256 << 10;

  void pass_on(const subunit::Packet& packet, std::optional<WorkerNumber> worker);
  [[nodiscard]] bool rewrite(const subunit::Packet& packet, std::optional<WorkerNumber> worker,
                             std::optional<std::string_view> route);

  subunit::verdict::Ledger ledger_;
  std::vector<std::unique_ptr<Output>> outputs_;
  bool tagged_ = false;
  subunit::Buffer rewritten_;
};

}  // namespace proxy
