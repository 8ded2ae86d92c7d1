#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sync/fingerprint.h"

namespace subunit::sync {

/// A file or a symbolic link of a tree.
struct Entry {
  std::string path;  ///< below the tree's folder: "a/b"; any bytes but NUL
  bool is_link = false;
  unsigned mode = 0;         ///< permissions, of a file: 0755
  std::uint64_t size = 0;    ///< of a file, in bytes
  Fingerprint content = {};  ///< of a file
  std::string target = {};   ///< of a link: what it says
  bool operator==(const Entry&) const = default;
};

/// What a tree has, in the order of is_before().
using Manifest = std::vector<Entry>;

/// Where our own files are, in the folder that the tree is brought to. No entry is there.
inline constexpr std::string_view kStateFolder = ".subunit-sync";

inline constexpr std::size_t kMaxManifest = 64 << 20;  // bytes; half a million files
inline constexpr std::size_t kMaxPath = 3900;          // a system's own limit is 4095
inline constexpr std::size_t kMaxName = 255;
inline constexpr std::size_t kMaxDepth = 100;  // folders are kept open on the way down
inline constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 40;

/// The order of paths in which what is in a folder follows it at once: "/" is before all others.
[[nodiscard]] bool is_before(std::string_view path, std::string_view other);

/// An Error if such a path is not one of a tree, with the reason: it leads out of it, say.
[[nodiscard]] Result<> check_path(std::string_view path);

/// One after the other:
///
///   kind   1 byte   'f', 'l'
///   mode   2 bytes  network byte order, as all numbers
///   size   8 bytes  of a file; of a link's target
///   hash  16 bytes  of a file
///   path            2 bytes for its length, and so many
///   target          of a link
[[nodiscard]] Buffer encode(const Manifest& manifest);

/// An Error if `bytes` are no manifest, or one whose paths are not in order, twice there, below one
/// another's files, or not in the tree: check_path().
[[nodiscard]] Result<Manifest> parse_manifest(Bytes bytes);

}  // namespace subunit::sync
