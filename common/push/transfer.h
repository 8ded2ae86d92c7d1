#pragma once

#include <optional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace subunit::push {

/// By which tool of its own a shell takes bytes from its stdin. The first two take them as they
/// are, the others lines of printable characters.
enum class Tool { kHead, kDd, kBase64, kUudecode, kPrintf };

/// How a shell has asked for a file.
struct Transfer {
  Tool tool = Tool::kHead;
  bool packed = false;  ///< gzip(1) is there, too
  bool blocks = false;  ///< in lines of printable characters, some at a time

  /// "head", "dd", "base64", "uudecode" or "printf"; nothing for another word.
  [[nodiscard]] static std::optional<Tool> tool_of(std::string_view name);
};

/// The file, packed if that is asked for.
[[nodiscard]] Buffer pack(Bytes file, Transfer transfer);

/// `packed` as the shell reads it at once: a line with the number of bytes that follow, as far as
/// bytes are counted, and then these, or lines and a line with a dot.
[[nodiscard]] Buffer encode_whole(Bytes packed, Tool tool);

/// Bytes of a block, whole lines of each tool: a serial line of 115,200 baud takes half a second
/// for it, a round trip over the internet a fraction of that.
inline constexpr std::size_t kBlockSize = std::size_t{45} * 57 * 2;

/// Characters of a line for each byte of a block, nearly: those of base 64.
inline constexpr double kTextOverhead = 1.37;

/// A block: lines, each of which `tool` decodes, without the one with a dot. Not for tools that
/// take bytes as they are.
[[nodiscard]] Buffer encode_block(Bytes bytes, Tool tool);

/// The checksum of cksum(1) (POSIX).
[[nodiscard]] std::uint32_t cksum(Bytes bytes);

/// As md5sum(1) prints it. Against damage, and no attack.
[[nodiscard]] std::string md5(Bytes bytes);

/// A name for what is in a file: CRC-32 and Adler-32, 16 hexadecimal digits. It tells what a
/// transfer has damaged, and versions apart; it does not resist an attack.
[[nodiscard]] std::string content_hash(Bytes file);

}  // namespace subunit::push
