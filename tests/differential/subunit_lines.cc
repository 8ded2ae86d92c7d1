// The decoder and the encoder as a filter, for tests that are not in C++.
//
//   subunit_lines            stdin: a byte stream; stdout: a JSON object a line for each packet
//                            and each piece of noise
//   subunit_lines --encode   the reverse: one packet, or raw bytes, for each line
//   subunit_lines --split    the same with encode_file(): as many packets for a line as it takes
//
// A packet: {"size":12,"test_id":"a","status":"fail","runnable":true,"eof":false,
//            "timestamp":[1,2],"tags":["t"],"mime_type":"m","file":["name","00ff"],"route_code":"0"}
// Absent fields are absent; size is not needed for encoding. Noise: {"noise":"00ff"}.

#include <fmt/core.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/subunit/decoder.h"
#include "common/subunit/encoder.h"

using namespace subunit;
using nlohmann::json;

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

std::string to_hex(Bytes bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

Buffer from_hex(std::string_view hex) {
  Buffer bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t high = kDigits.find(hex[2 * i]);
    const std::size_t low = kDigits.find(hex[2 * i + 1]);
    if (high >= 16 || low >= 16) throw std::invalid_argument("content is not hexadecimal");
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return bytes;
}

json described(const Packet& packet) {
  json line = {{"size", packet.raw.size()},
               {"status", name_of(packet.status)},
               {"runnable", packet.runnable},
               {"eof", packet.eof}};
  if (packet.timestamp)
    line["timestamp"] = {packet.timestamp->seconds, packet.timestamp->nanoseconds};
  if (packet.test_id) line["test_id"] = *packet.test_id;
  for (const std::string_view tag : packet.tags) line["tags"].push_back(tag);
  if (packet.mime_type) line["mime_type"] = *packet.mime_type;
  if (packet.file) line["file"] = {packet.file->name, to_hex(packet.file->content)};
  if (packet.route_code) line["route_code"] = *packet.route_code;
  return line;
}

void print_events(Decoder& decoder) {
  while (const auto event = decoder.next_event()) {
    const auto* packet = std::get_if<Packet>(&*event);
    const json line =
        packet ? described(*packet) : json{{"noise", to_hex(std::get<Noise>(*event).bytes)}};
    std::cout << line.dump() << '\n';
  }
}

int decode() {
  Decoder decoder;
  for (;;) {
    const auto room = decoder.prepare(4096);
    const std::size_t size = std::fread(room.data(), 1, room.size(), stdin);
    if (size == 0) break;
    decoder.commit(size, Time(0));
    print_events(decoder);
  }
  decoder.receive_eof();
  print_events(decoder);
  return 0;
}

Status status_named(const std::string& name) {
  for (int value = 0; value < 8; ++value)
    if (name_of(static_cast<Status>(value)) == name) return static_cast<Status>(value);
  throw std::invalid_argument("no status has the name " + name);
}

Result<> encode_line(const json& line, bool split, Buffer& out) {
  std::vector<std::string_view> tags;
  if (line.contains("tags"))
    for (const json& tag : line["tags"]) tags.push_back(tag.get_ref<const std::string&>());
  const auto text = [&line](const char* name) -> std::optional<std::string_view> {
    if (!line.contains(name)) return std::nullopt;
    return line[name].get_ref<const std::string&>();
  };
  Fields fields{.test_id = text("test_id"),
                .route_code = text("route_code"),
                .mime_type = text("mime_type"),
                .status = status_named(line["status"]),
                .runnable = line["runnable"],
                .eof = line["eof"]};
  if (line.contains("timestamp"))
    fields.timestamp = Timestamp{line["timestamp"][0], line["timestamp"][1]};
  Buffer content;
  if (line.contains("file")) {
    content = from_hex(line["file"][1].get_ref<const std::string&>());
    fields.file = File{line["file"][0].get_ref<const std::string&>(), content};
  }
  return split ? encode_file(fields, tags, out) : encode(fields, tags, out);
}

int encode(bool split) {
  for (std::string text; std::getline(std::cin, text);) {
    const json line = json::parse(text);
    Buffer out;
    if (line.contains("noise")) {
      out = from_hex(line["noise"].get_ref<const std::string&>());
    } else if (const auto encoded = encode_line(line, split, out); !encoded) {
      fmt::print(stderr, "subunit_lines: {}\n", encoded.error().text);
      return 1;
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view option = argc > 1 ? argv[1] : "";
  if (option == "") return decode();
  if (option == "--encode") return encode(false);
  if (option == "--split") return encode(true);
  fmt::print(stderr, "usage: subunit_lines [--encode | --split]\n");
  return 2;
}
