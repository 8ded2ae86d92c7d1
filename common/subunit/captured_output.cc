#include "common/subunit/captured_output.h"

#include <algorithm>
#include <cassert>

#include "common/base/text.h"
#include "common/subunit/encoder.h"

namespace subunit {

void CapturedOutput::attribute(std::optional<std::string_view> test_id, Buffer& out) {
  if (test_id == test_id_) return;
  flush(out);
  test_id_ = test_id;
  begin_files(false);
}

void CapturedOutput::begin_files(bool raw) {
  raw_ = raw;
  file_number_ = 1;
  file_size_ = 0;
}

void CapturedOutput::add(Bytes bytes, Buffer& out) {
  tail_ += as_text(bytes.size() > kTailSize ? bytes.last(kTailSize) : bytes);
  if (tail_.size() > 2 * kTailSize) tail_.erase(0, tail_.size() - kTailSize);
  if (held_.empty()) {
    add_text(bytes, out);
  } else {
    Buffer joined;
    std::swap(joined, held_);
    append(joined, bytes);
    add_text(joined, out);
  }
}

std::string_view CapturedOutput::tail() const {
  const std::string_view all = tail_;
  return all.size() > kTailSize ? all.substr(all.size() - kTailSize) : all;
}

void CapturedOutput::add_text(Bytes bytes, Buffer& out) {
  if (!raw_) {
    const Utf8Scan scan = scan_utf8(bytes);
    emit(bytes.first(scan.valid), out);
    bytes = bytes.subspan(scan.valid);
    if (scan.cut) {
      held_.assign(bytes.begin(), bytes.end());
      return;
    }
    if (!bytes.empty()) begin_files(true);
  }
  emit(bytes, out);
}

void CapturedOutput::flush(Buffer& out) {
  if (held_.empty()) return;
  begin_files(true);
  emit(held_, out);
  held_.clear();
}

void CapturedOutput::emit(Bytes content, Buffer& out) {
  while (!content.empty()) {
    std::size_t size = std::min(content.size(), kMaxFileSize - file_size_);
    // Text is not cut within a character.
    while (!raw_ && size > 0 && size < content.size() && (content[size] & 0xC0) == 0x80) --size;
    if (size > 0) emit_piece(content.first(size), out);
    file_size_ += size;
    content = content.subspan(size);
    if (content.empty()) return;
    ++file_number_;
    file_size_ = 0;
  }
}

void CapturedOutput::emit_piece(Bytes content, Buffer& out) const {
  std::string name = name_;
  if (raw_) name += ".raw";
  if (file_number_ > 1) name += fmt::format("-{}", file_number_);
  const Fields fields{
      .test_id = test_id_,
      .route_code = route_,
      .mime_type = raw_ ? "text/plain;charset=iso8859-1" : "text/plain;charset=utf8",
      .file = File{name, content}};
  // The test id came out of a packet that was checked, so this can fail only for an id of
  // megabytes. Then the output is kept without it.
  if (encode_file(fields, {}, out)) return;
  Fields anonymous = fields;
  anonymous.test_id.reset();
  [[maybe_unused]] const auto encoded = encode_file(anonymous, {}, out);
  assert(encoded);
}

}  // namespace subunit
