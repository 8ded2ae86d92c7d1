#include <libdeflate.h>

#include <memory>

#include "common/sync/piece.h"

namespace subunit::sync {

Buffer pack_piece(Bytes bytes) {
  constexpr int kLevel = 6;
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(kLevel), &libdeflate_free_compressor);
  Buffer piece;
  append_be16(piece, static_cast<std::uint16_t>(bytes.size()));
  const std::size_t head = piece.size();
  piece.resize(head + libdeflate_deflate_compress_bound(compressor.get(), bytes.size()));
  piece.resize(head + libdeflate_deflate_compress(compressor.get(), bytes.data(), bytes.size(),
                                                  piece.data() + head, piece.size() - head));
  return piece;
}

}  // namespace subunit::sync
