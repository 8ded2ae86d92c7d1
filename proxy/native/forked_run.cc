#include "proxy/native/forked_run.h"

#include <fmt/core.h>
#include <sys/wait.h>

#include <cstring>
#include <utility>

#include "common/subunit/encoder.h"
#include "common/verdict/end_of_test.h"

namespace proxy::native {

using subunit::Buffer;
using subunit::Packet;
using subunit::Status;
using subunit::Timestamp;

namespace {

constexpr int kMaxFruitless = 2;

// For what ends a child after its last test, where no fixture is at work.
constexpr std::string_view kEndOfRun = "end of the test run";

}  // namespace

std::string describe_ending(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exited with status {}", WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  const char* const name = ::sigabbrev_np(signal);
  return fmt::format("was killed by {}{} ({})", name ? "SIG" : "signal", name ? name : "", signal);
}

ForkedRun::ForkedRun(const std::vector<Test>& tests, Places which)
    : tests_(tests), left_(std::move(which)) {
  for (const std::size_t each : left_) ended_.emplace(tests_[each].id, false);
}

bool ForkedRun::receive(const Packet& packet, Buffer& out) {
  if (packet.test_id == kNoteId) {
    if (packet.file) note(*packet.file);
    return false;
  }
  subunit::append(out, packet.raw);
  if (!packet.test_id) return false;
  if (packet.status == Status::kInProgress) {
    in_progress_ = *packet.test_id;
    return true;
  }
  if (!is_final(packet.status)) return false;
  has_ended_one_ = true;
  if (in_progress_ == packet.test_id) in_progress_.reset();
  if (const auto found = ended_.find(*packet.test_id); found != ended_.end()) found->second = true;
  return true;
}

void ForkedRun::note(const subunit::File& file) {
  if (file.name == kCompleteNote) complete_ = true;
  if (file.name != kFixtureNote) return;
  const std::string_view text = subunit::as_text(file.content);
  const std::size_t nul = text.find('\0');
  fixture_ = text.substr(0, nul);
  blamed_ = nul == std::string_view::npos ? "" : text.substr(nul + 1);
}

void ForkedRun::child_ended(int wait_status, Timestamp now, Buffer& out) {
  const bool early = !complete_ || wait_status != 0;
  const std::string ending = describe_ending(wait_status);
  if (in_progress_)
    end_in_progress(ending, now, out);
  else if (early && !cancelled_)
    blame(ending, now, out);
  std::erase_if(left_, [this](std::size_t each) { return ended_.at(tests_[each].id); });
  if (cancelled_) left_.clear();
  if (!early) end_left("the test framework has not run this test", now, out);
  if (has_ended_one_) fruitless_ = 0;
  if (fruitless_ == kMaxFruitless) {
    const std::string during = fixture_.empty() ? "before any test began" : "during " + fixture_;
    end_left(
        fmt::format("the process that was to run this test {} {}, twice in a row", ending, during),
        now, out);
  }
  fixture_.clear();
  blamed_.clear();
  has_ended_one_ = complete_ = false;
}

void ForkedRun::end_in_progress(const std::string& ending, Timestamp now, Buffer& out) {
  const std::string id = *std::exchange(in_progress_, std::nullopt);
  end(id,
      cancelled_ ? "the Run was cancelled during this test"
                 : fmt::format("the process that ran this test {}", ending),
      now, out);
}

void ForkedRun::blame(const std::string& ending, Timestamp now, Buffer& out) {
  const auto asked = ended_.find(blamed_);
  if (asked != ended_.end() && !asked->second) {
    return end_not_begun(
        blamed_,
        fmt::format("the process that was to run this test {} during {}", ending, fixture_), now,
        out);
  }
  if (!has_ended_one_) {
    ++fruitless_;
    return;
  }
  end_not_begun(fixture_.empty() ? kEndOfRun : std::string_view(fixture_),
                fmt::format("the process that ran the tests {}", ending), now, out);
}

void ForkedRun::end_left(const std::string& reason, Timestamp now, Buffer& out) {
  for (const std::size_t each : std::exchange(left_, {}))
    end_not_begun(tests_[each].id, reason, now, out);
}

void ForkedRun::end_not_begun(std::string_view id, const std::string& reason, Timestamp now,
                              Buffer& out) {
  (void)subunit::encode({.test_id = id, .timestamp = now, .status = Status::kInProgress}, out);
  end(id, reason, now, out);
}

void ForkedRun::end(std::string_view id, const std::string& reason, Timestamp now, Buffer& out) {
  subunit::verdict::encode_end({.test_id = id, .reason = reason, .when = now}, out);
  has_ended_one_ = true;
  if (const auto found = ended_.find(id); found != ended_.end()) found->second = true;
}

}  // namespace proxy::native
