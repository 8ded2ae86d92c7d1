#pragma once

#include <optional>
#include <string_view>

#include "common/link/link_parts.h"

namespace subunit::link {

/// Decides what is written to the line next.
class LinkOutput {
 public:
  explicit LinkOutput(LinkParts& parts) : parts_(parts) {}

  [[nodiscard]] Bytes pending(Time now);
  void consume();
  void abandon(std::string_view why);

  /// When the line takes more, or the other end is to be asked for room.
  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick();
  void ask_for_room();

 private:
  enum class Offer { kNothing, kRest, kPiece, kTestStep };

  void build();
  void build_in_session();
  void build_frame(Frame frame, const DenseCode* code = nullptr);
  void build_hello();
  void build_ack();
  void build_piece();
  void build_test();
  [[nodiscard]] bool worth_a_test() const;
  [[nodiscard]] bool must_tell_room() const;

  LinkParts& parts_;
  Offer offer_ = Offer::kNothing;           // what parts_.output is
  std::optional<SendWindow::Piece> piece_;  // its payload is not looked at any more
  bool piece_dense_ = false;
  std::uint64_t told_limit_ = Acknowledgement::kFirstRoom;  // of the room, to the other end
  std::optional<Time> ask_room_at_;  // when there is payload, and no room at the other end
  std::optional<Time> line_free_at_;
};

}  // namespace subunit::link
