// What must hold for what the other end says of a tree of files, whatever comes. The first byte of
// the input chooses what the rest is taken for.
//
//   1. A manifest that can be read has paths that lead nowhere else, in order, and is the same when
//      it has been written. So are the trees that are kept.
//   2. A piece is unpacked as libdeflate unpacks it. (One that it refuses, since a code in it is
//      incomplete, may be unpacked here: what is missing never came.) Any bytes come back.
//   3. Contents are cut into files without a byte more or less, however they come.

#include <libdeflate.h>

#include <algorithm>
#include <memory>

#include "common/sync/contents.h"
#include "common/sync/known_tree.h"
#include "common/sync/manifest.h"
#include "common/sync/message.h"
#include "common/sync/piece.h"
#include "tests/fuzz/recipe.h"

using namespace subunit;
using namespace subunit::sync;

namespace {

void check_manifest(Bytes bytes) {
  const auto manifest = parse_manifest(bytes);
  if (!manifest) return;
  const auto again = parse_manifest(encode(*manifest));
  MUST(again && *again == *manifest);
  for (std::size_t i = 0; i < manifest->size(); ++i) {
    const Entry& entry = (*manifest)[i];
    MUST(check_path(entry.path).has_value());
    if (i > 0) MUST(is_before((*manifest)[i - 1].path, entry.path));
  }
  const std::vector<std::size_t> places = places_in(*manifest, *manifest);
  for (std::size_t i = 0; i < places.size(); ++i) MUST(places[i] == i);
}

void check_known_tree(Bytes bytes) {
  const KnownTree tree = parse_known_tree(bytes);
  MUST(tree.stamps.size() == tree.entries.size());
  const KnownTree again = parse_known_tree(encode(tree));
  MUST(again.entries == tree.entries);
  MUST(again.stamps == tree.stamps);
}

void check_piece(Bytes piece) {
  Buffer ours;
  const bool is_one = unpack_piece(piece, ours);
  if (piece.size() < 2) {
    MUST(!is_one);
    return;
  }
  const auto size = static_cast<std::size_t>(piece[0] << 8 | piece[1]);
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  Buffer theirs(std::max<std::size_t>(size, 1));
  const Bytes packed = piece.subspan(2);
  const auto result = libdeflate_deflate_decompress(decompressor.get(), packed.data(),
                                                    packed.size(), theirs.data(), size, nullptr);
  theirs.resize(size);
  if (result == LIBDEFLATE_SUCCESS && size <= kPieceSize) MUST(is_one && ours == theirs);
  if (is_one) MUST(ours.size() == size);
}

void check_packing(Bytes bytes) {
  bytes = bytes.first(std::min(bytes.size(), kPieceSize));
  Buffer back;
  MUST(unpack_piece(pack_piece(bytes), back));
  MUST(std::ranges::equal(back, bytes));
}

/// Of files whose sizes are the first bytes, of which every second one is wanted.
void check_contents(Bytes bytes) {
  if (bytes.empty()) return;
  const std::size_t files = std::min<std::size_t>(bytes[0] % 8, bytes.size() - 1);
  Manifest manifest;
  Selection wanted;
  std::size_t size = 0;
  for (std::size_t i = 0; i < files; ++i) {
    Entry entry;
    entry.path = static_cast<char>('a' + i);
    entry.size = bytes[1 + i];
    wanted.push_back(i % 2);
    if (i % 2 != 0) size += entry.size;
    manifest.push_back(std::move(entry));
  }
  const auto again = parse_selection(encode_selection(wanted), wanted.size());
  MUST(again && *again == wanted);
  Contents contents(manifest, wanted);
  Bytes rest = bytes.subspan(1 + files);
  const std::size_t all = rest.size();
  std::size_t taken = 0;
  while (const auto part = contents.take(rest)) {
    MUST(wanted[part->entry] == 1);
    taken += part->bytes.size();
  }
  MUST(taken == std::min(all, size));
  MUST(contents.complete() == (all >= size));
}

void check_message(Bytes bytes) {
  const auto packet = parse_packet(bytes);
  if (!packet) return;
  const auto message = read_message(*packet);
  if (!message || message->bytes.size() >= kMaxMessage) return;
  Buffer written;
  encode(*message, written);
  const auto again = read_message(*parse_packet(written));
  MUST(again && again->word == message->word && std::ranges::equal(again->bytes, message->bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr void (*kChecks[])(Bytes) = {check_manifest, check_known_tree, check_piece,
                                        check_packing,  check_contents,   check_message};
  kChecks[data[0] % std::size(kChecks)](Bytes(data + 1, size - 1));
  return 0;
}
