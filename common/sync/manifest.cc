#include "common/sync/manifest.h"

#include <algorithm>

#include "common/base/text.h"

namespace subunit::sync {
namespace {

constexpr std::size_t kFixedSize = 1 + 2 + 8 + 16 + 2;

std::string_view take(Bytes& bytes, std::size_t size) {
  const std::string_view taken = as_text(bytes.first(size));
  bytes = bytes.subspan(size);
  return taken;
}

bool is_below(std::string_view path, std::string_view other) {
  return path.size() > other.size() && path.starts_with(other) && path[other.size()] == '/';
}

tl::unexpected<Error> cut_off() {
  return error("the list of files is damaged");
}

}  // namespace

bool is_before(std::string_view path, std::string_view other) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::lexicographical_compare(path.begin(), path.end(), other.begin(), other.end(),
                                      [&](char a, char b) { return rank(a) < rank(b); });
}

Result<> check_path(std::string_view path) {
  const auto refuse = [&](const char* why) {
    return error("the path \"{}\" {}", escaped(path), why);
  };
  if (path.size() > kMaxPath) return refuse("is too long");
  if (path.find('\0') != std::string_view::npos) return refuse("has a NUL in it");
  std::size_t depth = 0;
  for (std::string_view rest = path;; ++depth) {
    const std::size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || name.size() > kMaxName)
      return refuse("is not one within a tree");
    if (depth == 0 && name == kStateFolder) return refuse("is where --sync has its own files");
    if (depth > kMaxDepth) return refuse("is too deep");
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Buffer encode(const Manifest& manifest) {
  Buffer out;
  for (const Entry& entry : manifest) {
    out.push_back(entry.is_link ? 'l' : 'f');
    append_be16(out, static_cast<std::uint16_t>(entry.mode));
    append_be64(out, entry.is_link ? entry.target.size() : entry.size);
    append_be64(out, entry.content.first);
    append_be64(out, entry.content.second);
    append_be16(out, static_cast<std::uint16_t>(entry.path.size()));
    append(out, as_bytes(entry.path));
    append(out, as_bytes(entry.target));
  }
  return out;
}

Result<Manifest> parse_manifest(Bytes bytes) {
  Manifest manifest;
  while (!bytes.empty()) {
    if (bytes.size() < kFixedSize) return cut_off();
    const std::uint8_t* const fixed = bytes.data();
    const bool is_link = fixed[0] == 'l';
    const std::uint64_t size = load_be64(fixed + 3);
    const std::size_t path_size = load_be16(fixed + 27);
    bytes = bytes.subspan(kFixedSize);
    if ((!is_link && fixed[0] != 'f') || bytes.size() < path_size) return cut_off();
    const std::string_view path = take(bytes, path_size);
    if (auto sound = check_path(path); !sound) return tl::unexpected(sound.error());
    if (!manifest.empty() && !is_before(manifest.back().path, path))
      return error("the path \"{}\" is there twice, or not in its place", escaped(path));
    if (!manifest.empty() && is_below(path, manifest.back().path))
      return error("\"{}\" is a file, and a folder too", escaped(manifest.back().path));
    Entry& entry = manifest.emplace_back();
    entry.path = path;
    entry.is_link = is_link;
    entry.mode = load_be16(fixed + 1) & 0777U;
    if (!is_link) {
      if (size > kMaxFile) return error("\"{}\" is too large", escaped(path));
      entry.size = size;
      entry.content = {load_be64(fixed + 11), load_be64(fixed + 19)};
      continue;
    }
    if (size > bytes.size()) return cut_off();
    entry.target = take(bytes, static_cast<std::size_t>(size));
    if (entry.target.empty() || entry.target.size() > kMaxPath ||
        entry.target.find('\0') != std::string::npos)
      return error("\"{}\" is a symbolic link that no system can have", escaped(path));
  }
  return manifest;
}

}  // namespace subunit::sync
