#pragma once

#include <string>
#include <string_view>

#include "common/base/text.h"
#include "common/run/observer.h"

namespace subunit::report {

/// The ids of listed tests, one a line.
class IdList : public run::Observer {
 public:
  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<run::WorkerNumber>, Time) override {
    if (packet.status != Status::kExists || !packet.test_id) return;
    // A line feed in an id would make two lines of it.
    output_ += packet.test_id->find('\n') == std::string_view::npos
                   ? std::string(*packet.test_id)
                   : escaped(*packet.test_id, SIZE_MAX);
    output_ += '\n';
  }
  void happened(const run::Incident&, Time) override {}
  void flush() override {}
  void finish(bool, Time) override {}

  /// Text to write. It grows until consume_output().
  [[nodiscard]] std::string_view pending_output() const { return output_; }
  void consume_output() { output_.clear(); }

 private:
  std::string output_;
};

}  // namespace subunit::report
