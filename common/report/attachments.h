#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/subunit/packet.h"

namespace subunit::report {

/// What one test attached, kept for a person to read: of each file the beginning and the end.
class Attachments {
 public:
  static constexpr std::size_t kHead = 16 << 10;
  static constexpr std::size_t kTail = 48 << 10;  // the end is where a failure shows
  static constexpr std::size_t kMaxFiles = 1000;  // further ones are left out, and counted

  /// Takes the file of a packet, if it has one, as a piece of the file of that name.
  void add(const Packet& packet);

  /// Every file with its name and its text. Control characters other than line feed and tab are
  /// escaped, so that nothing a test printed can act on the terminal. Files that are not text are
  /// named with their size only. `full`: frames of the framework's own in tracebacks, too.
  [[nodiscard]] std::string text(bool full = true) const;

  /// One of the files: its text, with a line in place of what is left out. Of a file that is not
  /// text, what it is. It may have controls, and bytes that are not UTF-8.
  struct Text {
    std::string name;
    std::string text;
    bool is_text;
  };
  /// Those that are not empty, in the order in which they began.
  [[nodiscard]] std::vector<Text> texts() const;

  /// Bytes that are kept.
  [[nodiscard]] std::size_t kept() const { return kept_; }
  /// Packets of which nothing is kept.
  [[nodiscard]] std::size_t left_out() const { return left_out_; }
  /// Something more was attached, and is not kept.
  void leave_out() { ++left_out_; }

 private:
  struct Attachment {
    std::string name;
    std::string mime_type;
    std::string head;
    std::string tail;
    std::size_t size = 0;
  };
  std::vector<Attachment> attachments_;
  std::size_t kept_ = 0;
  std::size_t left_out_ = 0;  // packets
};

}  // namespace subunit::report
