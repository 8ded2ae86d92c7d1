#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/subunit/packet.h"
#include "proxy/run/incident.h"
#include "proxy/run/remote_clock.h"

namespace proxy {

/// A run as a Chrome trace: text in the JSON Array Format of the Trace Event Format
/// (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU), which
/// chrome://tracing and https://ui.perfetto.dev open. Each event is a line. Without its end, the
/// array is still one to these readers.
///
/// One row (a thread in the format's words) for each server, one box (a complete event, X) for each
/// test, one mark (an instant event, i) for each piece of what it printed and for each incident. A
/// server that runs several tests at once gets a row for each of them, since boxes in one row must
/// not overlap. What belongs to no server has a row "run".
///
/// Moments are on our clock, from the start of the run. A test of which packets bear timestamps is
/// placed by these; see RemoteClock. Its box is written when it ends, so what is cut off lacks only
/// the tests in progress. A test that never began has no box.
class Trace {
 public:
  explicit Trace(std::string_view process_name);

  /// `now` counts from the start of the run, and never goes back.
  void packet(const subunit::Packet& packet, std::optional<WorkerNumber> worker, subunit::Time now);
  void happened(const Incident& incident, subunit::Time now);
  /// The end: tests in progress get a box up to here.
  void finish(subunit::Time now);

  /// Text to write. It grows until consume_output().
  [[nodiscard]] std::string_view pending_output() const { return text_; }
  void consume_output() { text_.clear(); }

 private:
  /// More rows of one server, or tests that wait for their end after their server's, are not kept:
  /// tests beyond that have a box of no length.
  static constexpr std::size_t kMaxLanes = 64;
  static constexpr std::size_t kMaxOrphans = 1000;

  struct Box {
    std::string test_id;
    int row;
    subunit::Time begin;
    subunit::Time end;
  };
  /// A row, in which one box ends before the next one begins.
  struct Lane {
    std::optional<Box> open = std::nullopt;
    subunit::Time free_at{};
  };
  struct Server {
    RemoteClock clock;
    std::vector<Lane> lanes;
  };

  void start_test(const subunit::Packet& packet, std::optional<WorkerNumber> worker,
                  subunit::Time when);
  void end_test(const subunit::Packet& packet, std::optional<WorkerNumber> worker,
                subunit::Time when);
  [[nodiscard]] std::optional<Box> take_box(std::string_view test_id,
                                            std::optional<WorkerNumber> worker, subunit::Time end);
  void orphan_tests(Server& server, subunit::Time now);

  static int row_of(std::optional<WorkerNumber> worker, std::size_t lane);
  Lane& lane_of(std::optional<WorkerNumber> worker, std::size_t number);
  void write_name(std::string_view kind, int row, std::string_view name);
  void write_box(const Box& box, std::string_view status, std::string_view more);
  void write_mark(std::string_view name, std::string_view category,
                  std::optional<WorkerNumber> worker, subunit::Time when,
                  std::string_view arguments);
  void write_event(std::string_view event);

  std::map<std::optional<WorkerNumber>, Server> servers_;
  std::vector<Box> orphans_;  // ended with their server; somebody will say how
  bool first_ = true;         // no event was written yet
  std::string text_;
};

}  // namespace proxy
