#include "common/base/escape.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace subunit {

std::string escaped(Bytes bytes, std::size_t most) {
  std::string out;
  for (const std::uint8_t byte : bytes.first(std::min(most, bytes.size()))) {
    switch (byte) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        if (byte >= 0x20 && byte < 0x7F) {
          out += static_cast<char>(byte);
        } else {
          fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
        }
    }
  }
  if (bytes.size() > most) fmt::format_to(std::back_inserter(out), "… ({} bytes)", bytes.size());
  return out;
}

std::string escaped(std::string_view text, std::size_t most) {
  return escaped(as_bytes(text), most);
}

}  // namespace subunit
