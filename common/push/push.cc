#include "common/push/push.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "common/base/text.h"

namespace subunit::push {
namespace {

// A line that is longer is not an answer.
constexpr std::size_t kMaxLine = 8 << 10;

// Of what `serve` prints before it is there; the last lines tell why it fails.
constexpr std::size_t kMaxWatched = 1000;

/// Takes the first word off, and the blank behind it.
std::string_view take_word(std::string_view& words) {
  const std::string_view word = words.substr(0, words.find(' '));
  words.remove_prefix(std::min(word.size() + 1, words.size()));
  return word;
}

std::optional<std::size_t> to_number(std::string_view digits) {
  std::size_t number = 0;
  const char* const end = digits.data() + digits.size();
  if (digits.empty() || std::from_chars(digits.data(), end, number).ptr != end) return std::nullopt;
  return number;
}

bool is_checksum(std::string_view word, Bytes of) {
  return word == std::to_string(cksum(of)) || word == md5(of);
}

/// What `serve` has printed, for people.
std::string shown(std::string_view printed) {
  constexpr std::string_view kLineEnds = "\r\n";
  const std::size_t begin = std::min(printed.find_first_not_of(kLineEnds), printed.size());
  printed = printed.substr(begin, printed.find_last_not_of(kLineEnds) + 1 - begin);
  return printed.empty() ? "it printed nothing"
                         : fmt::format("it printed \"{}\"", escaped(printed, kMaxWatched));
}

std::string machines(const std::vector<Payload>& payloads) {
  std::string all;
  for (const Payload& payload : payloads) all += (all.empty() ? "" : ", ") + payload.machine;
  return all;
}

}  // namespace

Push::Push(Bootstrap bootstrap)
    : bootstrap_(std::move(bootstrap)),
      prefix_(answer_prefix(bootstrap_.nonce)),
      script_(bootstrap_script(bootstrap_)) {}

std::string Push::begin(Time now) {
  now_ = now;
  expect_answer(kFirstTimeout);
  return bootstrap_line(bootstrap_);
}

void Push::receive(Bytes bytes, Time now) {
  now_ = now;
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  append(received_, bytes);
}

std::optional<Push::Event> Push::next_event() {
  while (!over()) {
    if (text_) {
      typed_ = *std::exchange(text_, std::nullopt);
      return Text{typed_};
    }
    if (attempts_ > kMaxAttempts)
      return fail(stage_ == Stage::kSent
                      ? fmt::format("the line damages what is sent; {} of {} kB have arrived",
                                    begins_[block_] / 1000, packed_.size() / 1000)
                      : "the line damages what is sent");
    const Bytes rest = Bytes(received_).subspan(at_);
    const std::string_view text = as_text(rest);
    // The script writes a line feed before each answer, which may stand alone on its line.
    const bool blank = text.starts_with('\n') || text.starts_with("\r\n");
    const std::size_t begin = blank ? text.find('\n') + 1 : 0;
    const std::size_t line_feed = text.find('\n', begin);
    if (line_feed == std::string_view::npos) {
      const std::string_view line = text.substr(begin);
      const bool may_be_answer =
          line.substr(0, prefix_.size()) == std::string_view(prefix_).substr(0, line.size());
      if (rest.empty() || line == "\r" || (may_be_answer && line.size() < kMaxLine))
        return std::nullopt;
      at_ += rest.size();
      return Noise{rest};
    }
    std::string_view line = text.substr(begin, line_feed - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with(prefix_)) {
      // What follows a blank line may be one more, with an answer behind it.
      const std::size_t size = blank ? begin : line_feed + 1;
      at_ += size;
      return Noise{rest.first(size)};
    }
    at_ += line_feed + 1;
    if (auto event = answer(line.substr(prefix_.size()))) return event;
  }
  return std::nullopt;
}

/// Nothing, if that is only between the shell and us.
std::optional<Push::Event> Push::answer(std::string_view words) {
  ++answers_;
  unanswered_ = 0;
  const std::string_view verb = take_word(words);
  if (verb == "load") {
    if (stage_ == Stage::kSilent) type_part();
    return std::nullopt;
  }
  if (verb == "sum") {
    check_part(words);
    return std::nullopt;
  }
  if (verb == "have") {
    deadline_.reset();
    stage_ = Stage::kFound;
    return Found{std::string(words)};
  }
  if (verb == "want") return want(words);
  if (verb == "got") {
    got(words);
    return std::nullopt;
  }
  if (verb == "run") {
    deadline_.reset();
    stage_ = Stage::kStarted;
    return Started{std::string(words), Bytes(received_).subspan(at_)};
  }
  if (verb != "fail") return std::nullopt;  // a damaged one
  const std::string_view what = take_word(words);
  if (what == "machine")
    return fail(
        fmt::format("there is no program for \"{}\", only for {} (scripts/release builds them; "
                    "--push-from DIR says where they are)",
                    escaped(words), machines(bootstrap_.payloads)));
  if (what == "cut") return fail("the connection has ended in the middle of it");
  constexpr std::string_view kSeparator = "; ";  // behind each reason
  if (words.ends_with(kSeparator)) words.remove_suffix(kSeparator.size());
  return fail(fmt::format("no folder takes it: {}", escaped(words, 1000)));
}

std::optional<std::string> Push::watch(Bytes bytes) {
  watched_ += as_text(bytes);
  const std::string_view text = watched_;
  const std::string begin = "\n" + prefix_ + "end ";
  for (std::size_t at = 0; (at = text.find(begin, at)) != std::string_view::npos; ++at) {
    const std::string_view status = text.substr(at + begin.size());
    const std::size_t size = status.find_first_of("\r\n");
    if (size == std::string_view::npos) break;
    if (!to_number(status.substr(0, size))) continue;
    return fmt::format(
        "subunit-proxy on the test machine ended with exit status {} before it sent Ready; {}",
        status.substr(0, size), shown(text.substr(0, at)));
  }
  if (watched_.size() > kMaxWatched) watched_.erase(0, watched_.size() - kMaxWatched);
  return std::nullopt;
}

// The script.

Bytes Push::part() const {
  const Bytes rest = Bytes(as_bytes(script_)).subspan(script_at_);
  return rest.first(std::min(part_size_, rest.size()));
}

void Push::type_part() {
  stage_ = Stage::kLoading;
  type("-\n");
  for (std::string_view rest = as_text(part()); !rest.empty();
       rest.remove_prefix(std::min(kLineSize, rest.size())))
    type(fmt::format(":{}\n", rest.substr(0, kLineSize)));
  type(fmt::format("={}\n", ++turn_));
  expect_answer(kScriptTimeout);
}

void Push::type_part_again() {
  ++attempts_;
  part_size_ = std::max(std::min(part_size_, script_.size()) / 2, kLineSize);
  type_part();
}

/// `words`: what a shell has of the script.
void Push::check_part(std::string_view words) {
  if (stage_ != Stage::kLoading || take_word(words) != std::to_string(turn_)) return;
  const auto done = to_number(take_word(words));
  if (!done || *done > script_.size()) return type_part_again();
  if (*done == script_.size()) return start_script();
  const std::string_view seen = words;
  const std::string size = std::to_string(part().size());
  const bool arrived = words == size || (is_checksum(take_word(words), part()) && words == size);
  if (*done != script_at_ || !arrived) {
    script_at_ = *done;
    return type_part_again();
  }
  attempts_ = 0;
  type(fmt::format("+{} {}\n", *done, seen));
  script_at_ += part().size();
  script_at_ == script_.size() ? start_script() : type_part();
}

void Push::start_script() {
  type(fmt::format(".{}\n", script_.size()));
  expect_answer(kScriptTimeout);
}

std::optional<Push::Event> Push::want(std::string_view words) {
  const std::string_view asked = words;
  const auto tool = Transfer::tool_of(take_word(words));
  const std::string_view form = take_word(words);
  const std::string_view how = take_word(words);
  const bool packed = form == "packed";
  const bool blocks = how == "blocks";
  const std::string_view machine = take_word(words);
  const auto payload = std::ranges::find(bootstrap_.payloads, machine, &Payload::machine);
  const bool makes_sense = tool && (packed || form == "plain") && (blocks || how == "whole") &&
                           payload != bootstrap_.payloads.end();
  if (!makes_sense) {
    if (bootstrap_.console) return std::nullopt;  // damaged: it is asked for again
    return fail(fmt::format("an answer makes no sense: \"want {}\"", escaped(asked)));
  }
  if (stage_ == Stage::kSent && blocks && words == folder_) return std::nullopt;  // said again
  deadline_.reset();
  stage_ = Stage::kWanted;
  folder_ = words;
  transfer_ = {.tool = *tool, .packed = packed, .blocks = blocks};
  return Wanted{*payload, folder_};
}

void Push::provide(Bytes file, Time now) {
  now_ = now;
  stage_ = Stage::kSent;
  packed_ = pack(file, transfer_);
  block_ = 0;
  begins_ = {0};
  attempts_ = 0;
  if (transfer_.blocks) return type_block("");
  text_ = encode_whole(packed_, transfer_.tool);
}

// In blocks.

Bytes Push::block() const {
  const Bytes rest = Bytes(packed_).subspan(begins_[block_]);
  return rest.first(std::min(block_size_, rest.size()));
}

void Push::type(std::string_view text) {
  if (!text_) text_.emplace();
  append(*text_, as_bytes(text));
}

/// `before`: lines that come first. The last block is an empty one: its answer says that all the
/// others count.
void Push::type_block(std::string_view before) {
  type(before);
  const Bytes bytes = block();
  lines_ = bytes.empty() ? Buffer() : encode_block(bytes, transfer_.tool);
  type(fmt::format("block {}\n", ++turn_));
  type(as_text(lines_));
  type(".\n");
  typed_at_ = now_;
  expect_answer(slowest_ ? std::clamp(kPatience * *slowest_, kMinAnswerTimeout, kAnswerTimeout)
                         : kAnswerTimeout);
}

void Push::got(std::string_view words) {
  if (stage_ != Stage::kSent || take_word(words) != std::to_string(turn_)) return;
  const std::string_view seen = words;
  const auto count = to_number(take_word(words));
  const bool known = count && *count < begins_.size();
  if (known && *count == block_ && is_checksum(take_word(words), lines_)) {
    if (attempts_ == 0) slowest_ = std::max(slowest_.value_or(Time(0)), now_ - typed_at_);
    attempts_ = 0;
    const std::size_t size = block().size();
    if (size == 0) return type("end\n");
    const std::size_t end_of_block = begins_[block_++] + size;
    begins_.resize(block_);
    begins_.push_back(end_of_block);
    block_size_ = std::min(block_size_ * 2, kBlockSize);
    return type_block(fmt::format("ok {}\n", seen));
  }
  // Either this one was damaged, or the confirmation of the one before.
  if (known && *count == block_) block_size_ = std::max(block_size_ / 2, kLeastBlock);
  if (known) block_ = *count;
  ++attempts_;
  type_block("");
}

void Push::expect_answer(Time within) {
  deadline_ = now_ + within;
}

void Push::tick(Time now) {
  now_ = now;
  if (!deadline_ || now < *deadline_) return;
  deadline_.reset();
  if (!bootstrap_.console && !transfer_.blocks) return;
  if (++attempts_ > kMaxAttempts) return;
  ++unanswered_;
  if (bootstrap_.console && (stage_ == Stage::kSilent || unanswered_ == kGone))
    return begin_again();
  if (stage_ == Stage::kSent)
    return type_block("\n.\n");  // the dot may be lost, or the word `block`
  // Who reads the script says what it has, the script itself says `want`.
  type(fmt::format("\n={}\n", ++turn_));
  expect_answer(kScriptTimeout);
}

/// Whoever has the rest of a line, or of a script, in front of him drops it for the ^C.
void Push::begin_again() {
  stage_ = Stage::kSilent;
  script_at_ = 0;
  unanswered_ = 0;
  interrupted_ = !interrupted_;
  type(interrupted_ ? "\x03\n" : bootstrap_line(bootstrap_));
  expect_answer(interrupted_ ? kInterruptTime : kScriptTimeout);
}

std::optional<Push::Progress> Push::progress() const {
  if (stage_ != Stage::kSent || !transfer_.blocks) return std::nullopt;
  return Progress{begins_[block_], packed_.size()};
}

Push::Event Push::fail(std::string reason) {
  stage_ = Stage::kFailed;
  return Failed{"cannot bring subunit-proxy to the test machine: " + std::move(reason)};
}

std::string Push::awaited() const {
  switch (stage_) {
    case Stage::kSilent:
      return "for a shell at the other end to answer (--push needs a channel command that gives "
             "one on its stdin; fish reads all its input first, and \"ssh board sh\" gives another "
             "one)";
    case Stage::kSent:
      return fmt::format("for subunit-proxy to arrive at the other end, in {}", escaped(folder_));
    default:
      return "for the proxy to send Ready";
  }
}

std::string Push::how_far() const {
  switch (stage_) {
    case Stage::kSilent:
      return "before a shell answered";
    case Stage::kLoading:
      return "while the shell was reading the script that takes subunit-proxy";
    case Stage::kWanted:
    case Stage::kSent:
      return fmt::format("while subunit-proxy was being sent to {}", escaped(folder_));
    default:
      return "before the proxy sent Ready";
  }
}

}  // namespace subunit::push
