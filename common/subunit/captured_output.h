#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"

namespace subunit {

/// Turns what a process wrote to one of its outputs into file packets of the test that was in
/// progress.
///
/// Bytes that are UTF-8 go into the file `name`, labelled text/plain;charset=utf8. From the first
/// byte on that is not, the rest of that test's output goes into the file `name`.raw, labelled
/// text/plain;charset=iso8859-1, which any reader can decode and from which it gets the same bytes
/// back. A character that is cut between two calls is put together again.
class CapturedOutput {
 public:
  explicit CapturedOutput(std::string_view name) : name_(name), raw_name_(name_ + ".raw") {}

  /// Everything from now on belongs to `test_id`, or to no test. Appends to `out` what was still
  /// held back of the test before.
  void attribute(std::optional<std::string_view> test_id, Buffer& out);

  /// Appends `bytes` as packets, but for up to three bytes that may be the start of a character.
  void add(Bytes bytes, Buffer& out);

  /// Appends what is held back.
  void flush(Buffer& out);

  /// The last bytes that were added, at most kTailSize, whatever test they belonged to.
  [[nodiscard]] std::string_view tail() const;

  static constexpr std::size_t kTailSize = 2048;

 private:
  void add_text(Bytes bytes, Buffer& out);
  void emit(Bytes content, bool raw, Buffer& out) const;

  std::string name_;
  std::string raw_name_;
  std::optional<std::string> test_id_;
  bool raw_ = false;  // this test's output has left UTF-8
  Buffer held_;       // the start of a character
  std::string tail_;
};

}  // namespace subunit
