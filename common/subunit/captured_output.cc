#include "common/subunit/captured_output.h"

#include <cassert>

#include "common/base/utf8.h"
#include "common/subunit/encoder.h"

namespace subunit {

void CapturedOutput::attribute(std::optional<std::string_view> test_id, Buffer& out) {
  if (test_id == test_id_) return;
  flush(out);
  test_id_ = test_id;
  raw_ = false;
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
    emit(bytes.first(scan.valid), false, out);
    bytes = bytes.subspan(scan.valid);
    if (scan.cut) {
      held_.assign(bytes.begin(), bytes.end());
      return;
    }
    raw_ = !bytes.empty();
  }
  emit(bytes, true, out);
}

void CapturedOutput::flush(Buffer& out) {
  if (held_.empty()) return;
  raw_ = true;
  emit(held_, true, out);
  held_.clear();
}

void CapturedOutput::emit(Bytes content, bool raw, Buffer& out) const {
  if (content.empty()) return;
  const Fields fields{.test_id = test_id_,
                      .mime_type = raw ? "text/plain;charset=iso8859-1" : "text/plain;charset=utf8",
                      .file = File{raw ? raw_name_ : name_, content}};
  // The test id came out of a packet that was checked, so this can fail only for an id of
  // megabytes. Then the output is kept without it.
  if (encode_file(fields, {}, out)) return;
  Fields anonymous = fields;
  anonymous.test_id.reset();
  [[maybe_unused]] const auto encoded = encode_file(anonymous, {}, out);
  assert(encoded);
}

}  // namespace subunit
