#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/time.h"
#include "common/push/bootstrap.h"
#include "common/push/transfer.h"

namespace subunit::push {

/// The client's side of bringing `serve` to a machine, by nothing but the stdin and stdout of a
/// shell there.
///
/// Type what begin() returns, hand in all that comes, type what the events say, and tick() at
/// next_deadline(), until over(). Banners, prompts and an echo come back as Noise.
class Push {
 public:
  explicit Push(Bootstrap bootstrap);

  /// To be typed first.
  [[nodiscard]] std::string begin(Time now);

  // What happens, from then on. `now` never goes back.

  void receive(Bytes bytes, Time now);
  /// The program that is Wanted.
  void provide(Bytes file, Time now);
  void tick(Time now);
  [[nodiscard]] std::optional<Time> next_deadline() const { return deadline_; }

  /// Printed by others than our script. Valid until the next call of receive().
  struct Noise {
    Bytes bytes;
  };
  /// The file for this machine is needed: provide().
  struct Wanted {
    const Payload& payload;
    std::string folder;
  };
  /// To be typed. Valid until the next call of any other function.
  struct Text {
    Bytes bytes;
  };
  /// It was there.
  struct Found {
    std::string path;
  };
  /// The last event: `serve` has taken stdin and stdout over, and these bytes are its first ones.
  struct Started {
    std::string path;
    Bytes rest;
  };
  /// The last event. Why, for people.
  struct Failed {
    std::string reason;
  };
  using Event = std::variant<Noise, Wanted, Text, Found, Started, Failed>;
  /// In the order of what has come.
  [[nodiscard]] std::optional<Event> next_event();

  /// What comes from Started on, its rest included, as long as there is no sign of a proxy. If the
  /// shell of a console says that `serve` has failed: that and what it printed, for people.
  [[nodiscard]] std::optional<std::string> watch(Bytes bytes);

  [[nodiscard]] bool over() const { return stage_ == Stage::kStarted || stage_ == Stage::kFailed; }

  /// How many answers have come. None for long: nobody is there any more.
  [[nodiscard]] std::size_t answers() const { return answers_; }

  /// How far the file has got, where the shell tells that.
  struct Progress {
    std::size_t arrived;  ///< bytes of the file as it travels
    std::size_t size;
  };
  [[nodiscard]] std::optional<Progress> progress() const;

  /// What it is waiting for, for people: "for ...".
  [[nodiscard]] std::string awaited() const;

  /// How far it has got if the line ends now, for people: "before …" or "while …".
  [[nodiscard]] std::string how_far() const;

 private:
  enum class Stage { kSilent, kLoading, kFound, kWanted, kSent, kStarted, kFailed };

  // Of the script: a terminal that takes lines has room for them while the shell is slow.
  static constexpr std::size_t kLineSize = 200;
  // The first line finds a shell, or something that keeps it from one.
  static constexpr Time kFirstTimeout = std::chrono::seconds(2);
  // A shell that gets ^C may drop what comes right behind it.
  static constexpr Time kInterruptTime = std::chrono::milliseconds(300);
  // A console may swallow what is typed while it starts up or its shell is busy; at 9,600 baud the
  // script takes five seconds.
  static constexpr Time kScriptTimeout = std::chrono::seconds(8);
  // A block whose answer has not come is sent again after this, while it is not known how slow the
  // line is; and after so many times as the slowest took, but not before the other.
  static constexpr Time kAnswerTimeout = std::chrono::seconds(20);
  static constexpr int kPatience = 4;
  static constexpr Time kMinAnswerTimeout = std::chrono::milliseconds(500);
  // A line that damages more gets smaller blocks, some lines of base 64.
  static constexpr std::size_t kLeastBlock = 285;
  // Unanswered in a row: the script is there no more. It begins from the start.
  static constexpr int kGone = 8;
  // In a row that do not arrive as they were sent.
  static constexpr int kMaxAttempts = 50;

  [[nodiscard]] std::optional<Event> answer(std::string_view words);
  [[nodiscard]] Bytes part() const;
  void type_part();
  void type_part_again();
  void check_part(std::string_view words);
  void start_script();
  [[nodiscard]] std::optional<Event> want(std::string_view words);
  void got(std::string_view words);
  void type(std::string_view text);
  void type_block(std::string_view before);
  void begin_again();
  void expect_answer(Time within);
  [[nodiscard]] Bytes block() const;
  [[nodiscard]] Event fail(std::string reason);

  const Bootstrap bootstrap_;
  const std::string prefix_;
  const std::string script_;
  Stage stage_ = Stage::kSilent;
  std::size_t answers_ = 0;
  int unanswered_ = 0;         // in a row, of what was typed
  bool interrupted_ = false;   // whatever had the line; the first line comes next
  std::size_t script_at_ = 0;  // what is before counts
  std::size_t part_size_ = std::string::npos;
  Buffer received_;  // from `at_` on: not handed out yet
  std::size_t at_ = 0;
  std::string folder_;
  Transfer transfer_;
  Buffer packed_;          // the file
  std::size_t block_ = 0;  // the one on its way; those before have arrived
  std::size_t block_size_ = kBlockSize;
  std::vector<std::size_t> begins_;  // where blocks begin, by number, as far as they are known
  Buffer lines_;                     // of that block
  std::size_t turn_ = 0;             // of what was typed last; only its answer matters
  int attempts_ = 0;
  Time typed_at_{};
  std::optional<Time> slowest_;  // answer so far
  std::optional<Buffer> text_;   // to be typed, and not handed out yet
  Buffer typed_;
  std::string watched_;  // what has come since Started, the end of it
  Time now_{};
  std::optional<Time> deadline_;
};

}  // namespace subunit::push
