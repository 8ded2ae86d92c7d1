#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/regex.h"
#include "common/base/result.h"

namespace proxy {

/// A command to type on a console.
struct ConsoleStep {
  std::string command;
  std::string wait;  ///< regular expression: type it once the console has printed this. Empty: now
  subunit::Regex expression;

  /// An Error if the console's echo of the command could be taken for an answer of the console
  /// link, or `wait` is not a valid regular expression.
  [[nodiscard]] static subunit::Result<ConsoleStep> create(std::string command, std::string wait);
};

/// Types commands on a console, each when the console has printed what it waits for.
///
/// An expression is looked for in what came since the command before, without carriage returns, NUL
/// and escape sequences: `$` is the end of what has come until now. Where that has no match, it is
/// looked for once more without the lines that a kernel has printed in between.
class ConsoleScript {
 public:
  /// A prompt is the last thing printed; this leaves room for a banner before it.
  static constexpr std::size_t kMaxSeen = 4096;

  explicit ConsoleScript(std::vector<ConsoleStep> steps) : steps_(std::move(steps)) {}

  /// The console has printed this.
  void receive(subunit::Bytes printed);

  /// What is to be typed now, with the return behind it.
  [[nodiscard]] std::optional<std::string> next();

  /// Nothing is left to type.
  [[nodiscard]] bool done() const { return at_ == steps_.size(); }
  void stop() { at_ = steps_.size(); }

  /// What it waits for and what has come instead, for a person. Valid unless done().
  [[nodiscard]] std::string waits_for() const;

 private:
  std::vector<ConsoleStep> steps_;
  std::size_t at_ = 0;
  std::string seen_;    // since the command before; the end of it
  bool found_ = false;  // what the next command waits for
};

}  // namespace proxy
