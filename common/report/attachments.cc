#include "common/report/attachments.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "common/base/text.h"

namespace subunit::report {
namespace {

bool is_escaped(unsigned char byte) {
  return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
}

/// UTF-8 stays, but for the C1 controls; anything that is none is shown byte by byte.
void append_visible(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t valid = scan_utf8(as_bytes(text)).valid;
    for (std::size_t i = 0; i < valid; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const bool c1 = byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
      if (is_escaped(byte) || c1) {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", c1 ? text[++i] & 0xFF : byte);
      } else {
        out += text[i];
      }
    }
    text.remove_prefix(valid);
    if (text.empty()) break;
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[0]));
    text.remove_prefix(1);
  }
}

}  // namespace

void Attachments::add(const Packet& packet) {
  if (!packet.file) return;
  const std::string_view content = as_text(packet.file->content);
  // Mostly it is the latest.
  const auto latest = std::ranges::find(attachments_.rbegin(), attachments_.rend(),
                                        packet.file->name, &Attachment::name);
  if (latest == attachments_.rend() && attachments_.size() == kMaxFiles) return leave_out();
  auto found = latest == attachments_.rend() ? attachments_.end() : std::prev(latest.base());
  if (found == attachments_.end()) {
    found = attachments_.emplace(attachments_.end());
    kept_ += sizeof(Attachment) + packet.file->name.size();
    found->name = packet.file->name;
    found->mime_type = packet.mime_type.value_or("application/octet-stream");
  }
  Attachment& attachment = *found;
  attachment.size += content.size();
  kept_ -= attachment.head.size() + attachment.tail.size();
  const std::string_view head = content.substr(0, kHead - attachment.head.size());
  attachment.head += head;
  const std::string_view rest = content.substr(head.size());
  attachment.tail += rest.size() > kTail ? rest.substr(rest.size() - kTail) : rest;
  if (attachment.tail.size() > 2 * kTail) attachment.tail.erase(0, attachment.tail.size() - kTail);
  kept_ += attachment.head.size() + attachment.tail.size();
}

std::string Attachments::text() const {
  std::string out;
  for (const Attachment& attachment : attachments_) {
    if (attachment.size == 0) continue;
    if (!attachment.mime_type.starts_with("text/")) {
      out += fmt::format("{}: {} bytes of {}\n", escaped(attachment.name), attachment.size,
                         escaped(attachment.mime_type));
      continue;
    }
    out += escaped(attachment.name) + ":\n";
    std::string_view tail = attachment.tail;
    if (tail.size() > kTail) tail.remove_prefix(tail.size() - kTail);
    append_visible(out, attachment.head);
    const std::size_t left_out = attachment.size - attachment.head.size() - tail.size();
    if (left_out > 0) out += fmt::format("\n[... {} bytes left out ...]\n", left_out);
    append_visible(out, tail);
    if (!out.ends_with('\n')) out += '\n';
  }
  if (left_out_ > 0) out += fmt::format("[... {} more attachments left out ...]\n", left_out_);
  return out;
}

}  // namespace subunit::report
