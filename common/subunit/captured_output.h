#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "../base/bytes.h"

namespace subunit {

/// Turns what a process wrote to one of its outputs into file packets of the test that was in
/// progress.
///
/// Bytes that are UTF-8 go into the file `name`, labelled text/plain;charset=utf8. From the first
/// byte on that is not, the rest of that test's output goes into the file `name`.raw, labelled
/// text/plain;charset=iso8859-1, which any reader can decode and from which it gets the same bytes
/// back. A character that is cut between two calls is put together again.
///
/// Readers keep a whole file in memory, and some write it out as one packet. So after kMaxFileSize
/// bytes the output goes on in another file: `name`-2, `name`-3, …; likewise `name`.raw-2.
class CapturedOutput {
 public:
  /// `route`: the route code of all packets, if they are to have one.
  explicit CapturedOutput(std::string_view name, std::optional<std::string> route = std::nullopt)
      : name_(name), route_(std::move(route)) {}

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

  /// Leaves room in the largest packet for the ids and names beside it.
  static constexpr std::size_t kMaxFileSize = 3 << 20;

 private:
  void add_text(Bytes bytes, Buffer& out);
  void begin_files(bool raw);
  void emit(Bytes content, Buffer& out);
  void emit_piece(Bytes content, Buffer& out) const;

  std::string name_;
  std::optional<std::string> route_;
  std::optional<std::string> test_id_;
  bool raw_ = false;  // this test's output has left UTF-8
  int file_number_ = 1;
  std::size_t file_size_ = 0;
  Buffer held_;  // the start of a character
  std::string tail_;
};

}  // namespace subunit
