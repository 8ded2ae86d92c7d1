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

  /// Takes the file of a packet, if it has one, as a piece of the file of that name.
  void add(const Packet& packet);

  /// Every file with its name and its text. Control characters other than line feed and tab are
  /// escaped, so that nothing a test printed can act on the terminal. Files that are not text are
  /// named with their size only.
  [[nodiscard]] std::string text() const;

 private:
  struct Attachment {
    std::string name;
    std::string mime_type;
    std::string head;
    std::string tail;
    std::size_t size = 0;
  };
  std::vector<Attachment> attachments_;
};

}  // namespace subunit::report
