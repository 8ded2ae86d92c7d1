#include "common/report/attachments.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/report/traceback.h"

namespace subunit::report {

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

std::vector<Attachments::Text> Attachments::texts() const {
  std::vector<Text> all;
  for (const Attachment& attachment : attachments_) {
    if (attachment.size == 0) continue;
    if (!attachment.mime_type.starts_with("text/")) {
      all.push_back({.name = attachment.name,
                     .text = fmt::format("{} bytes of {}", attachment.size, attachment.mime_type),
                     .is_text = false});
      continue;
    }
    std::string_view tail = attachment.tail;
    if (tail.size() > kTail) tail.remove_prefix(tail.size() - kTail);
    std::string text = attachment.head;
    const std::size_t left_out = attachment.size - attachment.head.size() - tail.size();
    if (left_out > 0) text += fmt::format("\n[... {} bytes left out ...]\n", left_out);
    text += tail;
    all.push_back({.name = attachment.name, .text = std::move(text), .is_text = true});
  }
  return all;
}

std::string Attachments::text(bool full) const {
  std::string out;
  for (const Text& file : texts()) {
    if (!file.is_text) {
      out += fmt::format("{}: {}\n", escaped(file.name), escaped(file.text));
      continue;
    }
    out += escaped(file.name) + ":\n";
    const std::string shown = harmless(file.text);
    out += full ? shown : without_framework_frames(shown);
    if (!out.ends_with('\n')) out += '\n';
  }
  if (left_out_ > 0) out += fmt::format("[... {} more attachments left out ...]\n", left_out_);
  return out;
}

}  // namespace subunit::report
