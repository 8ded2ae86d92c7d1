// What must hold for the decoder, whatever the bytes and however they arrive:
//
//   1. Every byte comes out exactly once, in order, in a packet or in noise.
//   2. Packets and noise do not depend on how the bytes were cut.
//   3. Every packet is one: parse_packet() reads the same from its bytes, encoding its fields gives
//      its bytes again if they were as short as can be, and rerouting leaves its other fields
//      alone.
//   4. What comes out between two calls of other functions is adjacent in memory.
//   5. A packet comes out with its last byte if nothing stands before it, and when the deadline has
//      passed if a candidate does.
//   6. What may still become a packet is given up only for a packet behind it, or at the end.
//
// The input is a recipe, see recipe.h: it says which pieces the stream is made of (packets, damaged
// ones, forged headers, streams within attachments, repetitions, noise) and whether all that looks
// like a packet gets a right CRC in the end.

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/crc.h"
#include "common/subunit/decoder.h"
#include "common/subunit/encoder.h"
#include "common/subunit/inspect.h"
#include "tests/fuzz/recipe.h"

using namespace subunit;

namespace {

constexpr std::size_t kMaxStream = 1 << 17;

std::string number(std::uint32_t value, std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = size; i-- > 0; value >>= 8) out[i] = static_cast<char>(value);
  out[0] = static_cast<char>((out[0] & 0x3F) | (size - 1) << 6);
  return out;
}

/// Text more often than not.
std::string some_text(Choices& choices) {
  static constexpr std::string_view kTexts[] = {"",
                                                "a.test",
                                                "\xC2\xB3\x28\xC2\xBF\x7F\xC2\xBF\x7F\x74",
                                                "0",
                                                "\xE2\x94\xB3\xF0\x9F\x98\x80",
                                                "text/plain;charset=utf8"};
  if (choices.ConsumeBool()) return std::string(choices.PickValueInArray(kTexts));
  if (choices.ConsumeBool()) return std::string(some_size(choices, 14), 'x');
  return choices.ConsumeRandomLengthString(80);
}

std::string some_packet(Choices& choices, const std::string& content) {
  const std::string texts[] = {some_text(choices), some_text(choices), some_text(choices),
                               some_text(choices)};
  Fields fields{.status = static_cast<Status>(choices.ConsumeIntegralInRange(0, 7)),
                .runnable = choices.ConsumeBool(),
                .eof = choices.ConsumeBool()};
  if (choices.ConsumeBool()) fields.test_id = texts[0];
  if (choices.ConsumeBool()) fields.mime_type = texts[1];
  if (choices.ConsumeBool()) fields.route_code = texts[2];
  if (choices.ConsumeBool())
    fields.timestamp = Timestamp{choices.ConsumeIntegral<std::uint32_t>(),
                                 choices.ConsumeIntegralInRange<std::uint32_t>(0, kMaxNumber)};
  if (choices.ConsumeBool() || !content.empty()) fields.file = File{texts[3], as_bytes(content)};
  const std::vector<std::string_view> tags(choices.ConsumeIntegralInRange<std::size_t>(0, 3),
                                           texts[3]);
  Buffer out;
  // Texts that are none are refused, and nothing is appended.
  MUST(encode(fields, tags, out).has_value() == !out.empty());
  return std::string(as_text(out));
}

/// Any flags, any fields, a length that need not be the shortest, and room for a CRC.
std::string some_frame(Choices& choices) {
  const auto flags =
      static_cast<std::uint16_t>(kVersion | choices.ConsumeIntegralInRange<int>(0, 0xFFF));
  std::string fields;
  for (auto pieces = choices.ConsumeIntegralInRange(0, 6); pieces > 0; --pieces) {
    const std::string text = some_text(choices);
    fields += number(static_cast<std::uint32_t>(text.size()),
                     choices.ConsumeIntegralInRange<std::size_t>(1, 4));
    fields += text;
  }
  const std::size_t length_size = choices.ConsumeIntegralInRange<std::size_t>(1, 3);
  std::string frame{static_cast<char>(kSignature), static_cast<char>(flags >> 8),
                    static_cast<char>(flags)};
  frame +=
      number(static_cast<std::uint32_t>(3 + length_size + fields.size() + kCrcSize), length_size);
  frame += fields;
  const std::uint32_t crc = crc32(as_bytes(frame));
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(crc >> shift);
  return frame;
}

void patch_crcs(std::string& stream) {
  for (std::size_t at = stream.find(static_cast<char>(kSignature)); at != std::string::npos;
       at = stream.find(static_cast<char>(kSignature), at + 1)) {
    if (stream.size() - at < kMinPacketSize) return;
    const auto length = load_number(as_bytes(stream).data() + at + 3, 3);
    if (!length || length->value < kMinPacketSize || length->value > stream.size() - at) continue;
    const std::size_t crc_at = at + length->value - kCrcSize;
    const std::uint32_t crc = crc32(as_bytes(stream).subspan(at, crc_at - at));
    for (std::size_t i = 0; i < kCrcSize; ++i)
      stream[crc_at + i] = static_cast<char>(crc >> (24 - 8 * i));
  }
}

std::string some_stream(Choices& choices) {
  const bool with_crcs = choices.ConsumeBool();
  static constexpr std::string_view kForged[] = {{"\xB3\x29\x00\xBF\xFF\xFF", 6},
                                                 {"\xB3\x20\x40\xBF\xFF\xFF\x00\xBF\xFF\xF1", 10},
                                                 {"\xB3\x20\x40\x7F\xFF\x00\x7F\xF3", 8},
                                                 {"\xC2\xB3\x28\xC2\xBF\x7F\xC2\xBF\x7F\x74", 10},
                                                 {"\xB3\x20\x80\xBF\xFF\xFF\x43\xFF", 8},
                                                 {"\xB3\0\0\0\0\0", 6},
                                                 {"\xB3", 1},
                                                 {"\xE2\x82", 2}};
  std::string stream;
  std::string piece;
  while (choices.remaining_bytes() > 0 && stream.size() < kMaxStream) {
    switch (choices.ConsumeIntegralInRange(0, 8)) {
      case 0:
        piece = choices.ConsumeRandomLengthString(100);
        break;
      case 1:
        piece = some_packet(choices, "");
        break;
      case 2:
        piece = some_frame(choices);
        break;
      case 3:
        piece = damaged(choices, piece);
        break;
      case 4:
        piece = choices.PickValueInArray(kForged);
        break;
      case 5: {  // a flood of the piece before, or of all so far
        const std::string once = choices.ConsumeBool() ? piece : stream;
        for (auto n = some_size(choices, 11); n > 0 && piece.size() < kMaxStream; --n)
          piece += once;
        break;
      }
      case 6:  // all so far as an attachment
        piece = some_packet(choices, stream);
        if (choices.ConsumeBool()) stream.clear();
        break;
      case 7:  // a packet behind a header that claims 4 MiB and that nothing contradicts
        piece = std::string(kForged[1]) + some_packet(choices, "");
        break;
      default:
        piece = std::string(some_size(choices, 17),
                            static_cast<char>(choices.ConsumeIntegral<std::uint8_t>()));
    }
    stream += piece;
  }
  stream.resize(std::min(stream.size(), kMaxStream));
  if (with_crcs) patch_crcs(stream);
  return stream;
}

void check_packet(const Packet& packet) {
  const auto parsed = parse_packet(packet.raw);
  MUST(parsed);
  MUST(
      parsed->test_id == packet.test_id && parsed->route_code == packet.route_code &&
      parsed->mime_type == packet.mime_type && parsed->timestamp == packet.timestamp &&
      parsed->status == packet.status && parsed->runnable == packet.runnable &&
      parsed->eof == packet.eof &&
      std::equal(parsed->tags.begin(), parsed->tags.end(), packet.tags.begin(), packet.tags.end()));
  MUST(parsed->file.has_value() == packet.file.has_value());
  if (packet.file) {
    MUST(parsed->file->name == packet.file->name);
    MUST(as_text(parsed->file->content) == as_text(packet.file->content));
  }
  const std::vector<std::string_view> tags(packet.tags.begin(), packet.tags.end());
  MUST(tags.size() == packet.tags.size());

  Buffer again;
  MUST(encode(packet, tags, again));
  MUST(again.size() <= packet.raw.size());
  if (again.size() == packet.raw.size()) MUST(as_text(again) == as_text(packet.raw));
  MUST(parse_packet(again));

  Buffer rerouted;
  MUST(encode_rerouted(packet, "0/1", rerouted));
  const auto there = parse_packet(rerouted);
  MUST(there && there->route_code == "0/1");
  MUST(as_text(there->encoded) == as_text(packet.encoded));
  MUST(there->tags.size() == packet.tags.size() && there->status == packet.status);
}

/// What has come out so far.
class Output {
 public:
  struct Piece {
    bool packet;
    std::size_t end;  // position in the stream
    bool operator==(const Piece&) const = default;
  };

  explicit Output(std::string_view stream) : stream_(stream) {}

  void drain(Decoder& decoder) {
    const std::uint8_t* next = nullptr;
    while (const auto event = decoder.next_event()) {
      const auto* packet = std::get_if<Packet>(&*event);
      const Bytes bytes = packet ? packet->raw : std::get<Noise>(*event).bytes;
      MUST(!bytes.empty());
      MUST(packet || bytes.size() <= Decoder::kMaxNoise);
      MUST(!next || bytes.data() == next);
      next = bytes.data() + bytes.size();
      MUST(as_text(bytes) == stream_.substr(at_, bytes.size()));
      at_ += bytes.size();
      if (packet) {
        check_packet(*packet);
        end_of_last_packet_ = at_;
      }
      if (!packet && !pieces_.empty() && !pieces_.back().packet) pieces_.pop_back();
      pieces_.push_back({packet != nullptr, at_});
    }
  }

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::size_t end_of_last_packet() const { return end_of_last_packet_; }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::string_view stream_;
  std::size_t at_ = 0;
  std::size_t end_of_last_packet_ = 0;
  std::vector<Piece> pieces_;
};

/// Whether a whole packet starts `bytes`.
bool starts_with_packet(Bytes bytes) {
  if (bytes.size() < kMinPacketSize || bytes[0] != kSignature) return false;
  const auto length = load_number(bytes.data() + 3, 3);
  return length && length->value <= bytes.size() && parse_packet(bytes.first(length->value));
}

void check_nothing_waits(Bytes pending) {
  for (std::size_t at = 1; at < pending.size(); ++at)
    MUST(!starts_with_packet(pending.subspan(at)));
}

/// `arrived`: what came after the last packet; the first `noise` bytes of it have come out.
void check_nothing_lost(Bytes arrived, std::size_t noise) {
  const DirectRanges ranges;
  for (std::size_t at = 0; at < noise; ++at) {
    Packet packet;
    if (arrived[at] == kSignature)
      MUST(Inspector(arrived.subspan(at), ranges).run(packet) == Check::kInvalid);
  }
}

/// `size_of_piece` says how many of the remaining bytes come next. `pauses`: every piece is
/// followed by so much silence that candidates are released.
template <typename SizeOfPiece>
Output decode(std::string_view stream, std::size_t capacity, bool pauses,
              SizeOfPiece size_of_piece) {
  Decoder decoder(capacity);
  Output output(stream);
  Time now(0);
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = size_of_piece(stream.size() - at);
    decoder.receive(as_bytes(stream.substr(at, size)), now);
    at += size;
    output.drain(decoder);
    MUST(decoder.pending() == at - output.at());
    const auto pending = [&] { return as_bytes(stream.substr(output.at(), at - output.at())); };
    MUST(!starts_with_packet(pending()));
    if (!pauses) continue;
    while (const auto deadline = decoder.next_deadline()) {
      now = std::max(now, *deadline);
      decoder.tick(now);
      output.drain(decoder);
    }
    check_nothing_waits(pending());
    const std::size_t from = output.end_of_last_packet();
    check_nothing_lost(as_bytes(stream.substr(from, at - from)), output.at() - from);
  }
  decoder.receive_eof();
  output.drain(decoder);
  MUST(output.at() == stream.size());
  MUST(decoder.pending() == 0);
  MUST(!decoder.next_deadline());
  return output;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const auto seed = choices.ConsumeIntegral<std::uint32_t>();
  const auto largest = std::size_t{1} << choices.ConsumeIntegralInRange(0, 17);
  const std::string stream = some_stream(choices);

  const Output whole = decode(stream, 65536, false, [](std::size_t rest) { return rest; });
  const Cuts some_of(seed, largest);
  const std::size_t pieces = stream.size() / std::max<std::size_t>(1, largest / 2);
  if (pieces < 5000)
    MUST(decode(stream, 1 + seed % 70000, false, some_of).pieces() == whole.pieces());
  if (stream.size() < 2000)
    MUST(decode(stream, 1, false, [](std::size_t) { return 1; }).pieces() == whole.pieces());
  if (pieces < 100 && stream.size() < 20000) (void)decode(stream, 4096, true, some_of);
  return 0;
}
