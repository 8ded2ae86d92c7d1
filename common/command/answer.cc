#include "common/command/answer.h"

#include <unordered_set>

#include "common/rpc/attachment.h"
#include "common/subunit/encoder.h"
#include "common/verdict/end_of_test.h"

namespace subunit::command {
namespace {

bool is_reserved(const Packet& packet) {
  return packet.test_id == rpc::kRpcTestId || packet.test_id == rpc::kProxyTestId;
}

/// The first of each, in their order.
std::vector<std::string> unique(std::vector<std::string> ids) {
  std::unordered_set<std::string> seen;
  std::erase_if(ids, [&seen](const std::string& id) { return !seen.insert(id).second; });
  return ids;
}

}  // namespace

ListAnswer::ListAnswer(rpc::TestIds tests) : asked_(std::move(tests)) {
  if (!asked_) return;
  asked_ = unique(std::move(*asked_));
  for (const std::string& id : *asked_) exists_.emplace(id, false);
}

Fate ListAnswer::take(const Packet& packet) {
  if (is_reserved(packet)) return Fate::kNoise;
  if (!asked_ || packet.status != Status::kExists || !packet.test_id) return Fate::kPass;
  const auto found = exists_.find(*packet.test_id);
  if (found != exists_.end()) found->second = true;
  return Fate::kKeep;
}

Result<> ListAnswer::end(const CommandEnd& how, Timestamp, Buffer& out) const {
  if (!how.clean)
    return error("the tests cannot be listed: the command {}\n{}", how.text, how.last_output);
  for (const std::string& id : asked_.value_or(std::vector<std::string>())) {
    if (!exists_.at(id)) continue;
    if (auto encoded = encode({.test_id = id, .status = Status::kExists}, out); !encoded)
      return encoded;
  }
  return {};
}

RestAnswer::RestAnswer(const verdict::Ledger::Ids& ended, bool one_a_line)
    : one_a_line_(one_a_line) {
  for (const std::string_view id : ended) ended_.emplace(id);
}

Fate RestAnswer::take(const Packet& packet) {
  if (is_reserved(packet)) return Fate::kNoise;
  if (packet.status != Status::kExists || !packet.test_id) return Fate::kPass;
  std::string id(*packet.test_id);
  if (!ended_.contains(id)) left_.push_back(std::move(id));
  return Fate::kKeep;
}

Result<> RestAnswer::end(const CommandEnd& how, Timestamp when, Buffer& out) {
  if (how.clean) return {};
  left_.clear();
  const std::string reason = fmt::format(
      "the command died in a test, and which tests were to follow is not known: the command that "
      "lists them {}\n{}",
      how.text, how.last_output);
  verdict::encode_end({.test_id = RunAnswer::kCommandTest, .reason = reason, .when = when}, out);
  return {};
}

std::optional<RunAnswer> RestAnswer::rest() const {
  return left_.empty() ? std::nullopt : std::optional(RunAnswer(left_, one_a_line_));
}

RunAnswer::RunAnswer(rpc::TestIds tests, bool one_a_line)
    : to_run_(std::move(tests)), one_a_line_(one_a_line) {
  if (!to_run_) return;
  to_run_ = unique(std::move(*to_run_));
  for (const std::string& id : *to_run_) ledger_.expect(id);
  std::erase_if(*to_run_, [this, one_a_line](const std::string& id) {
    const bool impossible =
        id.find('\0') != std::string::npos || (one_a_line && id.find('\n') != std::string::npos);
    if (impossible) left_out_.push_back(id);
    return impossible;
  });
}

Fate RunAnswer::take(const Packet& packet) {
  if (is_reserved(packet)) return Fate::kNoise;
  ledger_.record(packet);
  fixtures_.record(packet);
  return Fate::kPass;
}

Result<> RunAnswer::end(const CommandEnd& how, Timestamp when, Buffer& out) {
  const auto fail = [this, when, &out](std::string_view id, std::string_view reason) {
    verdict::encode_end({.test_id = id, .reason = reason, .when = when}, out);
    ledger_.record(id, Status::kFail);
  };
  const verdict::OpenTests::Ids in_progress = ledger_.in_progress();
  for (const std::string& id : in_progress) ledger_.record(id, Status::kFail);
  for (const std::string& id : left_out_)
    fail(id, "this test cannot be passed to the test command: its id has a line feed or NUL\n");
  const bool has_died = !how.clean && (how.killed || !in_progress.empty());
  for (const std::string_view id : ledger_.missing()) {
    if (const auto by_fixture = fixtures_.outcome(id)) {
      verdict::encode_end(
          {.test_id = id, .reason = by_fixture->reason, .when = when, .status = by_fixture->status},
          out);
    } else {
      rest_.emplace_back(id);
    }
  }
  // A command that has died before it ended any test would do so again.
  if (has_died && to_run_ && rest_.size() < to_run_->size()) return {};
  if (has_died && !to_run_ && !ledger_.unexpected().empty()) {
    cut_short_ = true;
    return {};
  }
  // The output is the same for all of them, and they can be many.
  std::string last_output = how.last_output;
  for (const std::string& id : std::exchange(rest_, {})) {
    fail(id, fmt::format("no result for this test: the command {}\n{}", how.text,
                         std::exchange(last_output, "")));
  }
  if (!to_run_ && !how.clean && ledger_.failures() == 0) {
    fail(kCommandTest,
         fmt::format("no test has failed, but the command {}: tests may be missing\n{}", how.text,
                     last_output));
  }
  return {};
}

std::optional<std::variant<RunAnswer, RestAnswer>> RunAnswer::rest() const {
  if (!rest_.empty()) return RunAnswer(rest_, one_a_line_);
  if (cut_short_) return RestAnswer(ledger_.unexpected(), one_a_line_);
  return std::nullopt;
}

std::optional<Answer> rest_of(const Answer& answer) {
  struct Rest {
    std::optional<Answer> operator()(const ListAnswer&) const { return std::nullopt; }
    std::optional<Answer> operator()(const RunAnswer& run) const {
      auto rest = run.rest();
      if (!rest) return std::nullopt;
      return std::visit([](auto& each) { return Answer(std::move(each)); }, *rest);
    }
    std::optional<Answer> operator()(const RestAnswer& listed) const {
      auto rest = listed.rest();
      return rest ? std::optional<Answer>(std::move(*rest)) : std::nullopt;
    }
  };
  return std::visit(Rest(), answer);
}

}  // namespace subunit::command
