#include "common/subunit/encoder.h"

#include <algorithm>
#include <vector>

#include "common/base/crc.h"
#include "common/base/text.h"

namespace subunit {
namespace {

/// Room for `size` more bytes: exactly that for one packet, and in growing steps for many, so that
/// putting packets into one buffer stays linear.
void make_room(Buffer& out, std::size_t size) {
  if (out.capacity() - out.size() < size)
    out.reserve(std::max(out.size() + size, 2 * out.capacity()));
}

void append_number(Buffer& out, std::uint32_t value) {
  switch (number_size(value)) {
    case 1:
      out.push_back(static_cast<std::uint8_t>(value));
      break;
    case 2:
      append_be16(out, static_cast<std::uint16_t>(0x4000 | value));
      break;
    case 3:
      out.push_back(static_cast<std::uint8_t>(0x80 | value >> 16));
      append_be16(out, static_cast<std::uint16_t>(value));
      break;
    default:
      append_be32(out, 0xC0000000 | value);
  }
}

void append_text(Buffer& out, std::string_view text) {
  append_number(out, static_cast<std::uint32_t>(text.size()));
  append(out, as_bytes(text));
}

std::size_t text_size(std::string_view text) {
  return number_size(static_cast<std::uint32_t>(text.size())) + text.size();
}

/// The size of the packet whose fields take `fields_size` bytes; its length field counts itself.
std::size_t packet_size(std::size_t fields_size) {
  const std::size_t others = 3 + fields_size + kCrcSize;
  for (const std::size_t length_size : {1u, 2u}) {
    if (number_size(static_cast<std::uint32_t>(others + length_size)) <= length_size)
      return others + length_size;
  }
  return others + 3;
}

std::size_t size_of_fields(const Fields& fields, TagList tags) {
  std::size_t size = 0;
  if (fields.timestamp) size += 4 + number_size(fields.timestamp->nanoseconds);
  if (fields.test_id) size += text_size(*fields.test_id);
  if (!tags.empty()) size += number_size(static_cast<std::uint32_t>(tags.size()));
  for (const std::string_view tag : tags) size += text_size(tag);
  if (fields.mime_type) size += text_size(*fields.mime_type);
  if (fields.file) {
    size += text_size(fields.file->name) + fields.file->content.size() +
            number_size(static_cast<std::uint32_t>(fields.file->content.size()));
  }
  if (fields.route_code) size += text_size(*fields.route_code);
  return size;
}

std::uint16_t flags_of(const Fields& fields, bool tags) {
  std::uint16_t flags = kVersion | static_cast<std::uint16_t>(fields.status);
  const auto set_if = [&flags](bool present, std::uint16_t flag) {
    if (present) flags |= flag;
  };
  set_if(fields.test_id.has_value(), flag::kTestId);
  set_if(fields.route_code.has_value(), flag::kRouteCode);
  set_if(fields.timestamp.has_value(), flag::kTimestamp);
  set_if(fields.runnable, flag::kRunnable);
  set_if(tags, flag::kTags);
  set_if(fields.file.has_value(), flag::kFileContent);
  set_if(fields.mime_type.has_value(), flag::kMimeType);
  set_if(fields.eof, flag::kEof);
  return flags;
}

Result<> check_text(std::string_view what, std::string_view text) {
  if (is_text(as_bytes(text))) return {};
  return error("cannot encode a packet whose {} is not UTF-8 without NUL: \"{}\"", what,
               escaped(text));
}

Result<> check(const Fields& fields, TagList tags) {
  if (tags.size() > kMaxTags)
    return error("cannot encode a packet with {} tags, at most {} are allowed", tags.size(),
                 kMaxTags);
  if (fields.timestamp && fields.timestamp->nanoseconds > kMaxNumber)
    return error("cannot encode a timestamp of {} nanoseconds", fields.timestamp->nanoseconds);
  Result<> result;
  const auto text = [&result](std::string_view what, const std::optional<std::string_view>& value) {
    if (result && value) result = check_text(what, *value);
  };
  text("test id", fields.test_id);
  text("MIME type", fields.mime_type);
  text("route code", fields.route_code);
  if (fields.file) text("file name", fields.file->name);
  for (const std::string_view tag : tags) text("tag", tag);
  return result;
}

void append_head(Buffer& out, std::uint16_t flags, std::size_t size) {
  out.push_back(kSignature);
  append_be16(out, flags);
  append_number(out, static_cast<std::uint32_t>(size));
}

void append_crc(Buffer& out, std::size_t start) {
  append_be32(out, crc32(Bytes(out).subspan(start)));
}

Result<> too_long(std::size_t size, const std::optional<std::string_view>& test_id) {
  return error("cannot encode a packet of {} bytes, at most {} are allowed (test \"{}\")", size,
               kMaxPacketSize, escaped(test_id.value_or("")));
}

}  // namespace

Result<> encode(const Fields& fields, TagList tags, Buffer& out) {
  if (auto checked = check(fields, tags); !checked) return checked;
  const std::size_t size = packet_size(size_of_fields(fields, tags));
  if (size > kMaxPacketSize) return too_long(size, fields.test_id);

  const std::size_t start = out.size();
  make_room(out, size);
  append_head(out, flags_of(fields, !tags.empty()), size);
  if (fields.timestamp) {
    append_be32(out, fields.timestamp->seconds);
    append_number(out, fields.timestamp->nanoseconds);
  }
  if (fields.test_id) append_text(out, *fields.test_id);
  if (!tags.empty()) append_number(out, static_cast<std::uint32_t>(tags.size()));
  for (const std::string_view tag : tags) append_text(out, tag);
  if (fields.mime_type) append_text(out, *fields.mime_type);
  if (fields.file) {
    append_text(out, fields.file->name);
    append_number(out, static_cast<std::uint32_t>(fields.file->content.size()));
    append(out, fields.file->content);
  }
  if (fields.route_code) append_text(out, *fields.route_code);
  append_crc(out, start);
  return {};
}

Result<> encode_file(const Fields& fields, TagList tags, Buffer& out) {
  const std::size_t start = out.size();
  Fields piece = fields;
  Bytes rest = fields.file ? fields.file->content : Bytes();
  piece.status = Status::kNone;
  piece.eof = false;
  Result<> result;
  for (; result && rest.size() > kFileChunk; rest = rest.subspan(kFileChunk)) {
    piece.file->content = rest.first(kFileChunk);
    result = encode(piece, {}, out);
  }
  if (result) {
    piece = fields;
    if (piece.file) piece.file->content = rest;
    result = encode(piece, tags, out);
  }
  if (!result) out.resize(start);
  return result;
}

Result<> encode_rerouted(const Packet& packet, std::optional<std::string_view> route, Buffer& out) {
  Fields fields = packet;
  fields.route_code = route;
  const std::size_t size = packet_size(packet.encoded.size() + (route ? text_size(*route) : 0));
  if (size > kMaxPacketSize) {
    const std::vector<std::string_view> tags(packet.tags.begin(), packet.tags.end());
    return encode_file(fields, tags, out);
  }
  if (route) {
    if (auto checked = check_text("route code", *route); !checked) return checked;
  }
  const std::size_t start = out.size();
  make_room(out, size);
  // Not flags_of(): a packet may carry a set of no tags, and that takes a byte.
  const std::uint16_t flags = load_be16(packet.raw.data() + 1) & ~flag::kRouteCode;
  append_head(out, route ? flags | flag::kRouteCode : flags, size);
  append(out, packet.encoded);
  if (route) append_text(out, *route);
  append_crc(out, start);
  return {};
}

Route split_route(std::string_view code) {
  const std::size_t slash = code.find('/');
  if (slash == std::string_view::npos) return {code, std::nullopt};
  return {code.substr(0, slash), code.substr(slash + 1)};
}

Result<> add_route(const Packet& packet, std::string_view hop, Buffer& out) {
  if (!packet.route_code) return encode_rerouted(packet, hop, out);
  return encode_rerouted(packet, fmt::format("{}/{}", hop, *packet.route_code), out);
}

Result<> strip_route(const Packet& packet, Buffer& out) {
  if (!packet.route_code) return encode_rerouted(packet, std::nullopt, out);
  return encode_rerouted(packet, split_route(*packet.route_code).rest, out);
}

}  // namespace subunit
