// What must hold for the armour, whatever the bytes and however they arrive:
//
//   1. Every byte comes out exactly once, in order: in noise, or in a frame. What is no noise is,
//      but for what counts for nothing between characters, the text of the frames that came out,
//      as encode_frame() and encode_dense_frame() write them.
//   2. Frames and noise do not depend on how the bytes were cut.
//   3. A frame that nothing but what counts for nothing has come into comes out, with its ';',
//      whatever stands around it.
//   4. No more than kMaxHeld bytes are held, nothing is held without a deadline, and nothing after
//      it.
//   5. A frame between frames comes out if a kernel's lines have come into it at one place, and
//      exactly these lines are noise. Or the lines end as the frame began: what follows completes
//      that as well, so by 3 it is the frame, and what stands before is the noise.
//   6. No byte of never_sent() leaves but for '#' at the start and LF at the end.
//
// The input is a recipe, see recipe.h: it says which pieces the stream is made of.

#include <algorithm>
#include <string>
#include <vector>

#include "common/link/frame/frame_text.h"
#include "common/link/reader/frame_reader.h"
#include "common/link/reader/line_bytes.h"
#include "tests/fuzz/recipe.h"

using namespace subunit;
using namespace subunit::link;

namespace {

constexpr std::size_t kMaxStream = 1 << 16;

std::string some_body(Choices& choices, std::size_t most) {
  std::string body = choices.ConsumeRandomLengthString(50);
  if (choices.ConsumeBool() || body.empty()) return body;
  const std::size_t size = std::min(most, some_size(choices, 12));
  while (body.size() < size) body += body;
  body.resize(size);
  return body;
}

std::string encoded(const Frame& frame, const DenseCode& code) {
  Buffer out;
  if (frame.type == Frame::Type::kDense) {
    encode_dense_frame(frame, code, out);
  } else {
    encode_frame(frame, out);
  }
  return std::string(as_text(out));
}

std::string some_frame(Choices& choices, const DenseCode& code, bool may_be_dense = true) {
  static constexpr Frame::Type kTypes[] = {
      Frame::Type::kDense, Frame::Type::kHello, Frame::Type::kData, Frame::Type::kFinish,
      Frame::Type::kAck,   Frame::Type::kPing,  Frame::Type::kTest, Frame::Type::kTestResult,
      Frame::Type::kEcho,  Frame::Type::kReset};
  Frame frame;
  frame.type = kTypes[choices.ConsumeIntegralInRange<std::size_t>(may_be_dense ? 0 : 1, 9)];
  if (choices.ConsumeBool()) frame.direction = Frame::Direction::kToClient;
  if (choices.ConsumeBool()) {
    frame.session = choices.ConsumeIntegralInRange<std::uint32_t>(0, kFrameNumbers - 1);
    frame.sequence = choices.ConsumeIntegralInRange<std::uint32_t>(0, kFrameNumbers - 1);
    frame.acknowledged = choices.ConsumeIntegralInRange<std::uint32_t>(0, kFrameNumbers - 1);
  }
  const std::string body =
      some_body(choices, frame.type == Frame::Type::kDense ? kMaxBodyText / 2 : kMaxBody);
  frame.body = as_bytes(body);
  std::string text = encoded(frame, code);
  MUST(text.starts_with("#%") && text.ends_with(";\n"));
  for (const char c : text.substr(1, text.size() - 2))
    MUST(!never_sent()[static_cast<std::uint8_t>(c)]);
  return text;
}

/// With what counts for nothing between characters.
std::string laced(Choices& choices, const std::string& frame) {
  static constexpr std::string_view kLaces[] = {"\r\n",    "\n",        "\r",
                                                "\x11",    "\x13",      {"\0", 1},
                                                " \r",     "\x1B[0;1m", "\x1B]0;a title\x07",
                                                "\x1B(B",  "\r\r\n",    "\x1B]x\x1B\\",
                                                "\n\n\n\n"};
  const bool dense = frame[2] == 'e' || frame[2] == 'E';
  const std::string_view lace =
      kLaces[choices.ConsumeIntegralInRange<std::size_t>(0, dense ? 4 : std::size(kLaces) - 1)];
  const std::size_t most = (FrameReader::kMaxHeld - 200 - frame.size()) / lace.size();
  const std::size_t every =
      std::max(some_size(choices, 8), frame.size() / std::max<std::size_t>(1, most) + 1);
  std::string out;
  for (std::size_t at = 0; at < frame.size(); ++at) {
    if (at > 0 && at + 1 < frame.size() && at % every == 0) out += lace;
    out += frame[at];
  }
  return out;
}

struct Stream {
  std::string bytes;
  std::vector<std::string> frames;  // that must come out, in this order, as encoded
};

Stream some_stream(Choices& choices, const DenseCode& code) {
  static constexpr std::string_view kForged[] = {"#",
                                                 "#%",
                                                 "#%D",
                                                 "#%DAAAAAAAAAAAA-g",
                                                 "#%eAAAAAAAAAAAA-g",
                                                 "#%hAAAAAAAAAAAA__",
                                                 ";",
                                                 "\r\n",
                                                 "%",
                                                 "\r\n;",
                                                 "\r\n%",
                                                 "[    1.000000] kernel\r\n",
                                                 "\x1B",
                                                 "\x1B]",
                                                 "\x1B[",
                                                 "\x07"};
  Stream stream;
  std::string piece;
  while (choices.remaining_bytes() > 0 && stream.bytes.size() < kMaxStream) {
    switch (choices.ConsumeIntegralInRange(0, 7)) {
      case 0:
        piece = choices.ConsumeRandomLengthString(100);
        break;
      case 1:
        piece = some_frame(choices, code);
        stream.frames.push_back(piece);
        break;
      case 2: {
        const std::string frame = some_frame(choices, code);
        stream.frames.push_back(frame);
        piece = laced(choices, frame);
        break;
      }
      case 3:
        piece = damaged(choices, piece, true);
        break;
      case 4:
        piece = choices.PickValueInArray(kForged);
        break;
      case 5: {  // a flood of the piece before
        const std::string once = piece;
        for (auto n = some_size(choices, 11); n > 0 && piece.size() < kMaxStream; --n)
          piece += once;
        break;
      }
      case 6: {  // a frame without its line end
        piece = some_frame(choices, code);
        stream.frames.push_back(piece);
        piece.pop_back();
        break;
      }
      default:
        piece = std::string(some_size(choices, 13),
                            static_cast<char>(choices.ConsumeIntegral<std::uint8_t>()));
    }
    stream.bytes += piece;
  }
  return stream;
}

/// Takes off one thing that counts for nothing. False if `text` does not start with any.
bool take_off_nothing(std::string_view& text) {
  const ByteKind kind = byte_kind(static_cast<std::uint8_t>(text[0]));
  std::size_t size = kind == ByteKind::kIgnored ? 1 : 0;
  if (kind == ByteKind::kEscape) size = escape_sequence(as_bytes(text)).value_or(0);
  text.remove_prefix(size);
  return size > 0;
}

/// Takes `characters` off the start of `text`, and what counts for nothing in front of each. False
/// if anything else is there.
bool take_off(std::string_view characters, std::string_view& text) {
  for (const char c : characters) {
    while (!text.empty() && text[0] != c)
      if (!take_off_nothing(text)) return false;
    if (text.empty()) return false;
    text.remove_prefix(1);
  }
  return true;
}

/// Takes off all that counts for nothing. False if there is anything else.
bool is_nothing(std::string_view text) {
  while (!text.empty())
    if (!take_off_nothing(text)) return false;
  return true;
}

/// What has come out.
class Output {
 public:
  struct Piece {
    char kind;
    std::string bytes;     // of noise; of a frame as it is encoded
    std::size_t position;  // of noise
    bool operator==(const Piece&) const = default;
  };

  Output(std::string_view stream, const DenseCode& code) : stream_(stream), code_(code) {}

  void drain(FrameReader& reader) {
    while (const auto event = reader.next_event()) {
      if (const auto* frame = std::get_if<Frame>(&*event)) {
        pieces_.push_back({'F', encoded(*frame, code_), 0});
        continue;
      }
      const auto& noise = std::get<LineNoise>(*event);
      MUST(!noise.bytes.empty());
      MUST(noise.position >= noise_end_);
      MUST(as_text(noise.bytes) == stream_.substr(noise.position, noise.bytes.size()));
      armoured_ += stream_.substr(noise_end_, noise.position - noise_end_);
      noise_size_ += noise.bytes.size();
      const char kind = noise.noise_class == LineNoise::Class::kText ? 'N' : 'D';
      if (!pieces_.empty() && pieces_.back().kind == kind && noise.position == noise_end_) {
        pieces_.back().bytes += as_text(noise.bytes);
      } else {
        pieces_.push_back({kind, std::string(as_text(noise.bytes)), noise.position});
      }
      noise_end_ = noise.position + noise.bytes.size();
    }
  }

  /// At the end of the stream: what is no noise must be frames.
  void check_frames() {
    armoured_ += stream_.substr(noise_end_);
    std::string_view left = armoured_;
    for (const Piece& piece : pieces_)
      if (piece.kind == 'F')
        MUST(take_off(std::string_view(piece.bytes).substr(0, piece.bytes.size() - 1), left));
    MUST(is_nothing(left));
  }

  /// Whether all of these came out, in this order.
  void check_came_out(const std::vector<std::string>& frames) const {
    auto next = frames.begin();
    for (const Piece& piece : pieces_)
      if (next != frames.end() && piece.kind == 'F' && piece.bytes == *next) ++next;
    MUST(next == frames.end());
  }

  [[nodiscard]] std::size_t noise_size() const { return noise_size_; }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::string_view stream_;
  const DenseCode& code_;
  std::size_t noise_end_ = 0;
  std::size_t noise_size_ = 0;
  std::string armoured_;  // the stream without the noise
  std::vector<Piece> pieces_;
};

/// `size_of_piece` says how many of the remaining bytes come next. `pauses`: every piece is
/// followed by so much silence that candidates are released.
template <typename SizeOfPiece>
Output read(std::string_view stream, const DenseCode& code, bool pauses,
            SizeOfPiece size_of_piece) {
  FrameReader reader;
  reader.set_dense_code(code);
  Output output(stream, code);
  Time now(0);
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = size_of_piece(stream.size() - at);
    reader.receive(as_bytes(stream.substr(at, size)), now);
    at += size;
    output.drain(reader);
    std::size_t held = at - output.noise_size() - reader.frame_bytes();
    MUST(held <= FrameReader::kMaxHeld);
    MUST((held > 0) == reader.next_deadline().has_value());
    if (!pauses || held == 0) continue;
    now = *reader.next_deadline();
    reader.tick(now);
    output.drain(reader);
    held = at - output.noise_size() - reader.frame_bytes();
    MUST(held == 0);
  }
  reader.receive_eof();
  output.drain(reader);
  MUST(output.noise_size() + reader.frame_bytes() == stream.size());
  MUST(!reader.next_deadline());
  output.check_frames();
  return output;
}

std::string some_kernel_lines(Choices& choices) {
  std::string lines;
  do {
    std::string text = choices.ConsumeRandomLengthString(100);
    std::erase_if(text, [](char c) { return c == '\n'; });
    lines += "[   12.345678]" + text + "\r\n";
  } while (lines.size() < 1000 && choices.ConsumeBool());
  return lines;
}

/// Where the frame starts that stands in `torn` with `size` bytes of lines in it at `at`.
std::size_t start_of_frame(std::string_view torn, std::size_t at, std::size_t size) {
  const std::string_view before = torn.substr(0, at);
  const std::size_t mark = torn.substr(0, at + size).rfind('#');
  if (mark == std::string_view::npos || mark < at) return 0;
  std::string_view again = torn.substr(mark, at + size - mark);
  return take_off(before, again) && is_nothing(again) ? mark : 0;
}

void check_repair(Choices& choices, const DenseCode& code) {
  const std::string frame = some_frame(choices, code, false);
  const std::string lines = some_kernel_lines(choices);
  if (std::count(lines.begin(), lines.end(), '#') > 5) return;
  const auto all = [](std::size_t rest) { return rest; };
  const Output alone = read(lines, code, false, all);
  for (const auto& piece : alone.pieces())
    if (piece.kind == 'F') return;  // the fuzzer can do that
  const std::string other = some_frame(choices, code);
  std::string torn = frame;
  const auto at = choices.ConsumeIntegralInRange<std::size_t>(0, frame.size());
  torn.insert(at, lines);
  const Output output = read(other + torn + other, code, false, all);
  output.check_came_out({other, frame, other});
  std::string noise;
  for (const auto& piece : output.pieces())
    if (piece.kind != 'F') noise += piece.bytes;
  const std::size_t start = start_of_frame(torn, at, lines.size());
  MUST(noise == (start == 0 ? lines : torn.substr(0, start)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const auto seed = choices.ConsumeIntegral<std::uint32_t>();
  const auto largest = std::size_t{1} << choices.ConsumeIntegralInRange(0, 14);
  static const auto code = DenseCode::create(~ByteSet(0x2AA));
  check_repair(choices, *code);
  const Stream stream = some_stream(choices, *code);

  const Output whole = read(stream.bytes, *code, false, [](std::size_t rest) { return rest; });
  whole.check_came_out(stream.frames);
  const Cuts some_of(seed, largest);
  MUST(read(stream.bytes, *code, false, some_of).pieces() == whole.pieces());
  if (stream.bytes.size() < 4000)
    MUST(read(stream.bytes, *code, false, [](std::size_t) { return 1; }).pieces() ==
         whole.pieces());
  (void)read(stream.bytes, *code, true, some_of);
  return 0;
}
