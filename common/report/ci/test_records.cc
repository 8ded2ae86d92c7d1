#include "common/report/ci/test_records.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/run/tags.h"

namespace subunit::report {
namespace {

constexpr std::size_t kEntry = 200;           // bytes that a test costs, its attachments aside
constexpr std::size_t kMaxOutsides = 10'000;  // more than there are servers

std::string_view why_of(const Packet& packet) {
  for (const std::string_view tag : {run::kCrashedTag, run::kTimedOutTag, run::kNotRunTag})
    if (run::has_tag(packet, tag)) return tag;
  return "";
}

Time time_of(Timestamp timestamp) {
  return std::chrono::seconds(timestamp.seconds) + Time(timestamp.nanoseconds);
}

/// Whoever ends a test in place of its server says why, by another clock. The name is that of an
/// attempt, maybe.
bool is_by_others(const Packet& packet) {
  return packet.file && packet.file->name.ends_with("subunit-proxy");
}

/// "attempt-2/" and later ones, in attempts[1] and so on; without that, in the first. What became
/// of all of them goes with the one that counts.
void sort_by_attempt(Texts files, std::vector<EndedTest::Attempt>& attempts) {
  for (Attachments::Text& file : files) {
    const bool is_of_all = attempts.size() > 1 && file.name == "attempts";
    std::size_t place = is_of_all && !is_failure(attempts.back().status) ? attempts.size() - 1 : 0;
    for (std::size_t number = 2; number <= attempts.size(); ++number) {
      const std::string prefix = fmt::format("attempt-{}/", number);
      if (!file.name.starts_with(prefix)) continue;
      file.name.erase(0, prefix.size());
      place = number - 1;
      break;
    }
    attempts[place].files.push_back(std::move(file));
  }
}

}  // namespace

const EndedTest* TestRecords::packet(const Packet& packet, std::optional<run::WorkerNumber> worker,
                                     Time now) {
  if (!packet.test_id) {
    const bool has_room = outside_.size() < kMaxOutsides || outside_.contains(worker);
    if (packet.file && has_room) attach(outside_[worker], packet);
    return nullptr;
  }
  if (packet.status == Status::kExists) return nullptr;
  if (is_final(packet.status)) {
    end(packet, worker, now);
    return &ended_;
  }
  if (packet.status != Status::kInProgress && !packet.file) return nullptr;
  Record* const record = record_of(*packet.test_id, view_.site_of(packet, worker));
  if (!record) return nullptr;
  if (packet.file) attach(record->attachments, packet);
  if (packet.status != Status::kInProgress || record->began) return nullptr;
  record->worker = worker;
  record->began = now;
  record->began_there = packet.timestamp;
  return nullptr;
}

void TestRecords::attempted(const run::Attempt& attempt) {
  Record* const record = record_of(attempt.test_id, view_.site_of(attempt.worker));
  if (!record) return;
  record->began.reset();
  record->began_there.reset();
  if (record->attempts.size() == kMaxAttempts) return;
  record->attempts.push_back({.status = attempt.status,
                              .why = "",
                              .files = {},
                              .took = std::max(attempt.ended - attempt.began, Time(0)),
                              .worker = attempt.worker,
                              .began = attempt.began});
}

/// Null if there is no room for one more.
TestRecords::Record* TestRecords::record_of(std::string_view test_id, std::size_t site) {
  if (Record* const known = open_.find(test_id, site)) return known;
  if (kept_ > kMaxOpenBytes) return nullptr;
  kept_ += kEntry + test_id.size();
  return &open_.add(test_id, site);
}

void TestRecords::attach(Attachments& attachments, const Packet& packet) {
  if (kept_ > kMaxOpenBytes) return attachments.leave_out();
  kept_ -= attachments.kept();
  attachments.add(packet);
  kept_ += attachments.kept();
}

/// Makes `ended_` that test.
void TestRecords::end(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) {
  EndedTest& test = ended_;
  test.id = *packet.test_id;
  Record none;
  Record* const known = open_.take(test.id, view_.site_of(packet, worker));
  if (known) kept_ -= known->attachments.kept() + kEntry + test.id.size();
  Record& record = known ? *known : none;
  record.attachments.add(packet);
  test.worker = worker ? worker : record.worker;
  test.began = record.began;
  test.attempts.clear();
  std::ranges::move(record.attempts, std::back_inserter(test.attempts));
  test.attempts.push_back(
      {.status = packet.status, .why = std::string(why_of(packet)), .files = {}, .took = {}});
  if (record.began) {
    const bool is_measured = record.began_there && packet.timestamp && !is_by_others(packet);
    const Time took = is_measured ? time_of(*packet.timestamp) - time_of(*record.began_there)
                                  : now - *record.began;
    test.attempts.back().took = std::max(took, Time(0));
  }
  sort_by_attempt(record.attachments.texts(), test.attempts);
  if (const std::size_t more = record.attachments.left_out(); more > 0)
    test.attempts.back().files.push_back(
        {.name = "left out", .text = fmt::format("{} more attachments", more), .is_text = true});
}

}  // namespace subunit::report
