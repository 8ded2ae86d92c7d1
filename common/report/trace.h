#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/run/observer.h"
#include "common/subunit/packet.h"

namespace subunit::report {

/// Puts moments of another machine's clock on ours.
///
/// How far the clocks are apart is not known, and neither is how long a packet was on its way. The
/// least difference between a packet's arrival and its timestamp is both together for the packet
/// that was fastest, and is taken for all of them. So durations are what the other machine
/// measured, and moments are late by what the fastest packet took.
class RemoteClock {
 public:
  /// A packet that seems to have taken so much longer than another one has not: the other machine's
  /// clock was set back.
  static constexpr auto kMaxDelay = std::chrono::seconds(10);

  /// When what a packet with this timestamp tells has happened: never after its arrival.
  [[nodiscard]] Time when(Timestamp timestamp, Time arrival);

 private:
  std::optional<Time> ahead_;  // our clock, of theirs
};

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
class Trace : public run::Observer {
 public:
  /// `start`: of the run.
  Trace(std::string_view process_name, Time start);

  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) override;
  void happened(const run::Incident& incident, Time now) override;
  void flush() override {}
  /// Tests in progress get a box up to here.
  void finish(bool completed, Time now) override;

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
    Time begin;
    Time end;
  };
  /// A row, in which one box ends before the next one begins.
  struct Lane {
    std::optional<Box> open = std::nullopt;
    Time free_at{};
  };
  struct Server {
    RemoteClock clock;
    std::vector<Lane> lanes;
  };

  void start_test(const Packet& packet, std::optional<run::WorkerNumber> worker, Time when);
  void end_test(const Packet& packet, std::optional<run::WorkerNumber> worker, Time when);
  [[nodiscard]] std::optional<Box> take_box(std::string_view test_id,
                                            std::optional<run::WorkerNumber> worker, Time end);
  void orphan_tests(Server& server, Time now);

  static int row_of(std::optional<run::WorkerNumber> worker, std::size_t lane);
  Lane& lane_of(std::optional<run::WorkerNumber> worker, std::size_t number);
  void write_name(std::string_view kind, int row, std::string_view name);
  void write_box(const Box& box, std::string_view status, std::string_view more);
  void write_mark(std::string_view name, std::string_view category,
                  std::optional<run::WorkerNumber> worker, Time when, std::string_view arguments);
  void write_event(std::string_view event);

  const Time start_;
  std::map<std::optional<run::WorkerNumber>, Server> servers_;
  std::vector<Box> orphans_;  // ended with their server; somebody will say how
  bool first_ = true;         // no event was written yet
  std::string text_;
};

}  // namespace subunit::report
