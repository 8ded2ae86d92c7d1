#include "common/sync/known_tree.h"

namespace subunit::sync {

// The stamps, after which nothing follows, and before them the manifest with its size.

Buffer encode(const KnownTree& tree) {
  const Buffer manifest = encode(tree.entries);
  Buffer out;
  append_be32(out, static_cast<std::uint32_t>(manifest.size()));
  append(out, manifest);
  for (const std::uint64_t stamp : tree.stamps) append_be64(out, stamp);
  return out;
}

KnownTree parse_known_tree(Bytes bytes) {
  if (bytes.size() < 4) return {};
  const std::size_t size = load_be32(bytes.data());
  bytes = bytes.subspan(4);
  if (bytes.size() < size) return {};
  auto entries = parse_manifest(bytes.first(size));
  bytes = bytes.subspan(size);
  if (!entries || bytes.size() != entries->size() * 8) return {};
  KnownTree tree{.entries = std::move(*entries), .stamps = {}};
  for (; !bytes.empty(); bytes = bytes.subspan(8)) tree.stamps.push_back(load_be64(bytes.data()));
  return tree;
}

std::vector<std::size_t> places_in(const Manifest& known, const Manifest& entries) {
  std::vector<std::size_t> places;
  std::size_t at = 0;
  for (const Entry& entry : entries) {
    while (at < known.size() && is_before(known[at].path, entry.path)) ++at;
    places.push_back(at < known.size() && known[at].path == entry.path ? at : kUnknown);
  }
  return places;
}

}  // namespace subunit::sync
