#pragma once

#include <optional>

#include "common/base/time.h"
#include "common/link/frame/dense_code.h"
#include "common/link/reader/frame_output.h"

namespace subunit::link {

/// The bytes that try the line, in pieces that are written between two kTest frames (each of which
/// is sent twice, since much depends on it). Each byte that may be sent at all stands behind two
/// digits of base 64 for its value and before a full stop:
///
///     HIGH LOW BYTE "."
class LineTestText {
 public:
  static constexpr std::size_t kPieces = 4;

  [[nodiscard]] static Buffer piece(std::size_t index);

  /// Which bytes came unharmed; nothing if there is anything in `text` that can be no part of a
  /// test, however harmed.
  [[nodiscard]] static std::optional<ByteSet> read(Bytes text);
};

/// The end that sends, and tries the line for that.
class LineTester {
 public:
  static constexpr int kTries = 3;
  static constexpr Time kAnswerTimeout = std::chrono::seconds(3);

  /// What to write next: the body of a kTest frame, or bytes as they are.
  struct Step {
    bool frame;
    Buffer bytes;
  };

  /// Waits for start().
  [[nodiscard]] bool idle() const { return state_ == State::kIdle; }
  void start();
  void give_up() { state_ = State::kOver; }

  [[nodiscard]] bool writing() const { return state_ == State::kWriting; }
  [[nodiscard]] Step step() const;
  void step_done(Time now);

  /// The body of a kTestResult frame. The bytes that pass, once, if it answers the last test.
  [[nodiscard]] std::optional<ByteSet> hear(Bytes body);

  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);

 private:
  enum class State { kIdle, kWriting, kWaiting, kOver };

  State state_ = State::kIdle;
  std::uint8_t number_ = 0;
  std::size_t step_ = 0;
  Time written_at_{0};
};

/// The end that receives, and looks at what comes through.
class LineTestee {
 public:
  /// A kTest frame has come: its body. False if it is none. `noisy`: the line is known to carry
  /// text of its own, which is no place for the denser code.
  [[nodiscard]] bool hear(Bytes body, bool noisy);
  /// No kTest frame has come, so a test that is going on has lost its end.
  void stop() { spoil(); }

  /// Noise from the line. True if it belongs to a test, as it seems for now. Damaged: it may be
  /// one of the frames around the test.
  [[nodiscard]] bool collect(const LineNoise& noise);

  /// What did not belong to a test after all. Its bytes are valid until the next call.
  [[nodiscard]] std::optional<LineNoise> take_noise();

  /// The body of a kTestResult frame to send; empties it.
  [[nodiscard]] bool answer_due() const { return answer_due_; }
  [[nodiscard]] Buffer take_answer();

  /// What to read by from now on, if the answer said so.
  [[nodiscard]] const std::optional<DenseCode>& code() const { return code_; }

 private:
  static constexpr std::size_t kMaxText = 2048;

  void end(std::uint8_t number, bool noisy);
  void spoil();

  bool collecting_ = false;
  std::uint8_t number_ = 0;  // of the test that is going on
  std::uint8_t answered_ = 0;
  ByteSet passes_;  // the last answer
  std::optional<DenseCode> code_;
  bool answer_due_ = false;
  Buffer text_;
  LineNoise::Class class_ = LineNoise::Class::kText;  // of that, kDamaged if any of it is
  StreamPosition position_ = 0;                       // of its first byte
  bool spoilt_ = false;                               // that is noise, to be taken
  Buffer taken_;
};

}  // namespace subunit::link
