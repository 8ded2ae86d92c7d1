#include "proxy/run/output.h"

#include <string>

#include "common/base/escape.h"
#include "proxy/io/packet_reader.h"
#include "proxy/run/human_output.h"
#include "proxy/run/incident_log.h"

namespace proxy {
namespace {

class SubunitOutput : public Output {
 public:
  SubunitOutput(Writer& out, const Log& log) : run_(out), log_(log) {}
  void expect(std::size_t) override {}
  void packet(const subunit::Packet& packet, std::optional<WorkerNumber>) override {
    run_.add(packet.raw);
  }
  void happened(const Incident& incident) override { log_incident(incident, log_); }
  void flush() override { run_.flush(); }
  void finish(bool) override { flush(); }

 private:
  PacketRun run_;
  const Log& log_;
};

class IdsOutput : public Output {
 public:
  IdsOutput(Writer& out, const Log& log) : out_(out), log_(log) {}
  void expect(std::size_t) override {}
  void packet(const subunit::Packet& packet, std::optional<WorkerNumber>) override {
    if (packet.status != subunit::Status::kExists || !packet.test_id) return;
    // A line feed in an id would make two lines of it.
    lines_ += packet.test_id->find('\n') == std::string_view::npos
                  ? std::string(*packet.test_id)
                  : subunit::escaped(*packet.test_id, SIZE_MAX);
    lines_ += '\n';
  }
  void happened(const Incident& incident) override { log_incident(incident, log_); }
  void flush() override {
    out_.send(subunit::as_bytes(lines_));
    lines_.clear();
  }
  void finish(bool) override { flush(); }

 private:
  Writer& out_;
  const Log& log_;
  std::string lines_;
};

}  // namespace

std::unique_ptr<Output> make_output(const RunOptions& options, Writer& out, const RunView& view,
                                    uv_loop_t& loop, const Log& log) {
  if (options.format == Format::kSubunit) return std::make_unique<SubunitOutput>(out, log);
  if (options.list) return std::make_unique<IdsOutput>(out, log);
  return std::make_unique<HumanOutput>(options.color, out, view, loop, log);
}

}  // namespace proxy
