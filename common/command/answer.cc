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

std::string reason(const CommandEnd& how) {
  return how.last_output.empty() ? how.text : fmt::format("{}\n{}", how.text, how.last_output);
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
  if (!how.clean) return error("{}", reason(how));
  for (const std::string& id : asked_.value_or(std::vector<std::string>())) {
    if (!exists_.at(id)) continue;
    if (auto encoded = encode({.test_id = id, .status = Status::kExists}, out); !encoded)
      return encoded;
  }
  return {};
}

RestAnswer::RestAnswer(const verdict::Ledger::Ids& ended, RunRules rules)
    : after_others_(true), rules_(std::move(rules)) {
  for (const std::string_view id : ended) ended_.emplace(id);
}

RestAnswer::RestAnswer(rpc::TestIds tests, RunRules rules)
    : after_others_(false), asked_(std::move(tests)), rules_(std::move(rules)) {}

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
  asked_.reset();
  if (!after_others_) return error("the tests cannot be listed: {}", reason(how));
  const std::string text = fmt::format(
      "the command died in a test, and which tests were to follow is not known, since they cannot "
      "be listed: {}\n{}",
      how.text, how.last_output);
  verdict::encode_end({.test_id = RunAnswer::kCommandTest, .reason = text, .when = when}, out);
  return {};
}

std::optional<RunAnswer> RestAnswer::rest() const {
  if (asked_) return RunAnswer(asked_, rules_);
  return left_.empty() ? std::nullopt : std::optional(RunAnswer(left_, rules_));
}

RunAnswer::RunAnswer(rpc::TestIds tests, RunRules rules)
    : to_run_(std::move(tests)), rules_(std::move(rules)) {
  if (!to_run_) return;
  to_run_ = unique(std::move(*to_run_));
  leave_out();
  put_off();
  for (const auto& [id, reason] : left_out_) ledger_.expect(id);
  for (const std::string& id : *to_run_) ledger_.expect(id);
}

void RunAnswer::leave_out() {
  std::erase_if(*to_run_, [this](const std::string& id) {
    const bool impossible = id.find('\0') != std::string::npos ||
                            (rules_.one_a_line && id.find('\n') != std::string::npos);
    if (impossible) {
      left_out_.emplace_back(
          id, "this test cannot be passed to the test command: its id has a line feed or NUL\n");
    } else if (rules_.exists && !rules_.exists(id)) {
      left_out_.emplace_back(id, "there is no test with this id\n");
    } else {
      return false;
    }
    return true;
  });
}

void RunAnswer::put_off() {
  if (!rules_.together || to_run_->empty()) return;
  const std::size_t first = std::min(to_run_->size(), rules_.together(*to_run_));
  const auto begin = to_run_->begin() + static_cast<std::ptrdiff_t>(first);
  put_off_.assign(std::make_move_iterator(begin), std::make_move_iterator(to_run_->end()));
  to_run_->erase(begin, to_run_->end());
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
  for (const auto& [id, reason] : left_out_) fail(id, reason);
  const bool has_died = how.killed || !in_progress.empty();
  for (const std::string_view id : ledger_.missing()) {
    if (const auto by_fixture = fixtures_.outcome(id)) {
      verdict::encode_end(
          {.test_id = id, .reason = by_fixture->reason, .when = when, .status = by_fixture->status},
          out);
    } else {
      rest_.emplace_back(id);
    }
  }
  const bool is_unexplained = rules_.status_counts && !how.clean && ledger_.failures() == 0 &&
                              to_run_ && rest_.size() < to_run_->size();
  if (is_unexplained)
    fail(kCommandTest, fmt::format("no test has failed, but {}\n{}", how.text, how.last_output));
  // A command that has died before it ended any test would do so again, but maybe not for each.
  if (has_died && to_run_ && rest_.size() < to_run_->size()) return {};
  if (has_died && rules_.together && rest_.size() > 1) {
    each_alone_ = true;
    return {};
  }
  if (has_died && !to_run_ && !ledger_.unexpected().empty()) {
    cut_short_ = true;
    return {};
  }
  // The output is the same for all of them, and they can be many.
  std::string last_output = how.last_output;
  for (const std::string& id : std::exchange(rest_, {})) {
    fail(id,
         fmt::format("no result for this test: {}\n{}", how.text, std::exchange(last_output, "")));
  }
  if (!to_run_ && !how.clean && ledger_.failures() == 0) {
    fail(kCommandTest, fmt::format("no test has failed, but tests may be missing: {}\n{}", how.text,
                                   last_output));
  }
  return {};
}

std::optional<std::variant<RunAnswer, RestAnswer>> RunAnswer::rest() const {
  std::vector<std::string> left = rest_;
  left.insert(left.end(), put_off_.begin(), put_off_.end());
  if (!left.empty()) {
    RunRules rules = rules_;
    if (each_alone_) rules.together = [](std::span<const std::string>) { return std::size_t(1); };
    return RunAnswer(std::move(left), std::move(rules));
  }
  if (cut_short_) return RestAnswer(ledger_.unexpected(), rules_);
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
