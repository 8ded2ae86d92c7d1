#include "common/rpc/attachment.h"

#include <algorithm>
#include <cassert>

#include "common/base/json.h"
#include "common/base/text.h"

namespace subunit::rpc {
namespace {

constexpr std::string_view kMimeType = "application/json";
constexpr std::string_view kFileName = "message";

/// Types are compared without regard to case (RFC 2045, section 5.1); parameters follow a ';'.
bool is_json_type(std::string_view mime_type) {
  std::string_view type = mime_type.substr(0, mime_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(type.begin(), type.end(), kMimeType.begin(), kMimeType.end(),
                    [&](char a, char b) { return lower(a) == b; });
}

bool is_whole_object(std::string_view json) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = json.find_first_not_of(kSpace);
  return first != json.npos && json[first] == '{' && json[json.find_last_not_of(kSpace)] == '}' &&
         is_json(json);
}

/// Texts in packets contain no NUL, so that it can stand between them.
std::string key_of(const Packet& packet) {
  std::string key;
  if (packet.route_code) key.append("/").append(*packet.route_code);
  key += '\0';
  key.append(*packet.test_id) += '\0';
  return key.append(packet.file->name);
}

}  // namespace

bool carries_message(const Packet& packet, std::string_view test_id) {
  return packet.test_id == test_id && packet.file && packet.mime_type &&
         is_json_type(*packet.mime_type);
}

Result<> encode_attachment(std::string_view test_id, std::string_view json,
                           std::optional<std::string_view> route, Buffer& out) {
  if (json.size() > AttachmentAssembler::kMaxMessageSize)
    return error("cannot send a message of {} bytes, at most {} are allowed: {}", json.size(),
                 AttachmentAssembler::kMaxMessageSize, escaped(json));
  return encode_file({.test_id = test_id,
                      .route_code = route,
                      .mime_type = kMimeType,
                      .file = File{kFileName, as_bytes(json)},
                      .eof = true},
                     {}, out);
}

Result<std::optional<std::string>> AttachmentAssembler::add(const Packet& packet) {
  const std::string_view content = as_text(packet.file->content);
  std::string key = key_of(packet);
  auto open = open_.find(key);
  if (open == open_.end()) {
    if (packet.eof && content.empty()) return std::nullopt;
    if (packet.eof || is_whole_object(content)) return std::string(content);
    if (open_.size() == kMaxOpen) {
      drop();
      return error("more than {} messages were begun and not ended; the last one: {}", kMaxOpen,
                   escaped(content));
    }
    if (key.size() > kMaxKeySize) {
      drop();
      return error("a message that spans packets has names of {} bytes, at most {} are allowed: {}",
                   key.size(), kMaxKeySize, escaped(content));
    }
    open = open_.emplace(std::move(key), "").first;
  }
  std::string& message = open->second;
  message += content;
  size_ += content.size();
  if (size_ > kMaxMessageSize) {
    auto failure =
        error("a message is longer than {} bytes: {}", kMaxMessageSize, escaped(message));
    drop();
    return failure;
  }
  if (!packet.eof) return std::nullopt;
  std::string whole = std::move(message);
  size_ -= whole.size();
  open_.erase(open);
  return whole;
}

void AttachmentAssembler::drop() {
  open_.clear();
  size_ = 0;
}

Result<> Outbox::add(const Message& message) {
  if (sent_ > packets_.size() / 2) {  // then moving the rest costs less than sending it did
    packets_.erase(packets_.begin(), packets_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
  return to_json(message).and_then([this](const std::string& json) {
    return encode_attachment(kRpcTestId, json, route_, packets_);
  });
}

void Outbox::consume(std::size_t size) {
  assert(size <= packets_.size() - sent_);
  sent_ += size;
  if (sent_ < packets_.size()) return;
  packets_ = Buffer();  // a Run can be large, and little comes after it
  sent_ = 0;
}

namespace {

template <typename T>
std::optional<T> peek(const Packet& packet, std::string_view test_id, std::size_t most,
                      Result<T> (*parse)(std::string_view)) {
  if (!carries_message(packet, test_id) || packet.file->content.size() > most) return std::nullopt;
  auto message = parse(as_text(packet.file->content));
  return message ? std::optional<T>(std::move(*message)) : std::nullopt;
}

}  // namespace

std::optional<Message> peek_message(const Packet& packet) {
  return peek<Message>(packet, kRpcTestId, kMaxPeek, parse_message);
}

std::optional<Announcement> peek_announcement(const Packet& packet) {
  return peek<Announcement>(packet, kProxyTestId, kMaxAnnouncementPeek, parse_announcement);
}

}  // namespace subunit::rpc
