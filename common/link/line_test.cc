#include "common/link/line_test.h"

#include <algorithm>
#include <utility>

#include "common/link/frame/base64.h"

namespace subunit::link {
namespace {

// The body of a kTest frame: NUMBER(1) PART(1); of a kTestResult frame: NUMBER(1) PASSES(32), where
// the lowest bit of the first byte is for 00.
enum class Part : std::uint8_t { kBegin = 0, kEnd = 1 };
constexpr std::size_t kTestSize = 2;
constexpr std::size_t kSetSize = 32;

constexpr std::size_t kBrackets = 2;  // before and behind
constexpr std::size_t kSteps = kBrackets + LineTestText::kPieces + kBrackets;

/// The value that stands at the start of `text` in two digits, if it is one that is tried.
std::optional<std::uint8_t> tried_value(Bytes text) {
  if (text.size() < 2) return std::nullopt;
  const std::size_t high = kBase64Values[text[0]];
  const std::size_t low = kBase64Values[text[1]];
  const std::size_t value = high << 6 | low;
  if (high == kNoBase64 || low == kNoBase64 || value > 0xFF || never_sent()[value])
    return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

/// What became of the byte before the full stop: most likely one, or none, or a character in UTF-8.
std::optional<std::size_t> harmed_size(Bytes text) {
  for (const std::size_t size : {1, 0, 2, 3}) {
    if (size < text.size() && text[size] == '.') return size;
  }
  return std::nullopt;
}

}  // namespace

// ---- the text

Buffer LineTestText::piece(std::size_t index) {
  constexpr std::size_t kPerPiece = 256 / kPieces;
  Buffer out;
  for (std::size_t value = index * kPerPiece; value < (index + 1) * kPerPiece; ++value) {
    if (never_sent()[value]) continue;
    out.push_back(static_cast<std::uint8_t>(kBase64Digits[value >> 6]));
    out.push_back(static_cast<std::uint8_t>(kBase64Digits[value & 63]));
    out.push_back(static_cast<std::uint8_t>(value));
    out.push_back('.');
  }
  return out;
}

std::optional<ByteSet> LineTestText::read(Bytes text) {
  ByteSet passes;
  while (!text.empty()) {
    const auto value = tried_value(text);
    if (!value) return std::nullopt;
    text = text.subspan(2);
    const auto size = harmed_size(text);
    if (!size) return std::nullopt;
    if (*size == 1 && text[0] == *value) passes.set(*value);
    text = text.subspan(*size + 1);
  }
  return passes;
}

// ---- the end that tries

void LineTester::start() {
  state_ = State::kWriting;
  step_ = 0;
  ++number_;
}

LineTester::Step LineTester::step() const {
  if (step_ < kBrackets || step_ >= kBrackets + LineTestText::kPieces) {
    const Part part = step_ < kBrackets ? Part::kBegin : Part::kEnd;
    return {true, {number_, static_cast<std::uint8_t>(part)}};
  }
  return {false, LineTestText::piece(step_ - kBrackets)};
}

void LineTester::step_done(Time now) {
  if (state_ != State::kWriting || ++step_ < kSteps) return;  // the answer may be there already
  state_ = State::kWaiting;
  written_at_ = now;
}

std::optional<ByteSet> LineTester::hear(Bytes body) {
  // On a slow line the answer is there before the second of the last brackets is written.
  const bool expected =
      state_ == State::kWaiting || (state_ == State::kWriting && step_ == kSteps - 1);
  if (!expected || body.size() != 1 + kSetSize || body[0] != number_) return std::nullopt;
  state_ = State::kOver;
  ByteSet passes;
  for (std::size_t value = 0; value < passes.size(); ++value)
    passes[value] = (body[1 + value / 8] >> value % 8 & 1) != 0;
  return passes & ~never_sent();
}

std::optional<Time> LineTester::next_deadline() const {
  if (state_ != State::kWaiting) return std::nullopt;
  return written_at_ + kAnswerTimeout;
}

void LineTester::tick(Time now) {
  const auto deadline = next_deadline();
  if (!deadline || now < *deadline) return;
  state_ = number_ < kTries ? State::kIdle : State::kOver;
}

// ---- the end that looks

bool LineTestee::hear(Bytes body, bool noisy) {
  if (body.size() != kTestSize || body[0] == 0 || body[1] > static_cast<std::uint8_t>(Part::kEnd))
    return false;
  if (static_cast<Part>(body[1]) == Part::kEnd) {
    if (collecting_ && body[0] == number_) end(number_, noisy);
    return true;
  }
  if (collecting_ && body[0] == number_ && text_.empty()) return true;  // the second of two
  spoil();
  collecting_ = true;
  number_ = body[0];
  return true;
}

bool LineTestee::collect(const LineNoise& noise) {
  if (!collecting_) return false;
  if (text_.empty()) {
    class_ = noise.noise_class;
    position_ = noise.position;
  }
  if (noise.noise_class == LineNoise::Class::kDamaged) class_ = noise.noise_class;
  append(text_, noise.bytes);
  if (text_.size() > kMaxText) spoil();
  return true;
}

/// An answer that was given stays: the other end may use it already.
void LineTestee::end(std::uint8_t number, bool noisy) {
  const auto passes = LineTestText::read(text_);
  if (passes) text_.clear();
  spoil();
  if (number > answered_) {
    answered_ = number;
    code_ = passes && !noisy ? DenseCode::create(*passes) : std::nullopt;
    passes_ = code_ ? *passes : ByteSet();
  }
  answer_due_ |= number == answered_;
}

void LineTestee::spoil() {
  collecting_ = false;
  spoilt_ = !text_.empty();
}

std::optional<LineNoise> LineTestee::take_noise() {
  if (!std::exchange(spoilt_, false)) return std::nullopt;
  std::swap(taken_, text_);
  text_.clear();
  return LineNoise{taken_, class_, position_};
}

Buffer LineTestee::take_answer() {
  answer_due_ = false;
  Buffer out{answered_};
  for (std::size_t byte = 0; byte < kSetSize; ++byte) {
    std::uint8_t bits = 0;
    for (std::size_t bit = 0; bit < 8; ++bit)
      bits |= static_cast<std::uint8_t>(passes_[byte * 8 + bit] << bit);
    out.push_back(bits);
  }
  return out;
}

}  // namespace subunit::link
