#pragma once

// What a Link is made of. Internal to this folder: input in link_input.cc, output in
// link_output.cc, the rest in link.cc.

#include <array>
#include <string>

#include "common/link/arq/acknowledgement.h"
#include "common/link/arq/keepalive.h"
#include "common/link/arq/receive_window.h"
#include "common/link/arq/round_trip.h"
#include "common/link/arq/sender.h"
#include "common/link/handshake.h"
#include "common/link/line_test.h"
#include "common/link/link.h"

namespace subunit::link {

struct Link::State {
  /// kComplete: both streams have arrived as a whole, and both ends know.
  enum class Phase { kOpening, kOpen, kComplete, kDead, kAbandoned };

  /// Events that come once, in the order in which they come if there are several. Those from
  /// kFinished on come behind the payload.
  enum Once { kOpened, kEchoThere, kEchoHere, kFinished, kClosed, kDied, kOnceEvents };

  explicit State(const LinkOptions& options);

  // ---- input
  [[nodiscard]] std::optional<Event> next_event();
  [[nodiscard]] std::optional<Event> ready_event();
  [[nodiscard]] std::optional<Event> once_event(Once which);
  void raise_once(Once which);
  [[nodiscard]] std::optional<Event> noise(const LineNoise& noise);
  [[nodiscard]] Event counted(const LineNoise& noise);
  void frame(const Frame& frame);
  void own_frame(const Frame& frame);
  void late_frame(const Frame& frame);
  void session_frame(const Frame& frame);
  void hello(const Frame& frame);
  void payload(const Frame& frame);
  void acknowledgement(const Frame& frame);
  void test(const Frame& frame);
  void test_result(const Frame& frame);
  void malformed() { ++malformed_; }
  void heard();
  void open();
  [[nodiscard]] bool all_arrived() const;
  [[nodiscard]] bool only_word_missing() const;
  void check_complete();
  void complete();
  void line_ended();
  void die(std::string reason);

  // ---- output
  [[nodiscard]] Bytes output(Time now);
  void consume_output();
  void abandon(std::string_view why);
  void build();
  void build_in_session();
  void build_frame(Frame frame, const DenseCode* code = nullptr);
  void build_hello();
  void build_ack();
  void build_piece();
  void build_test();
  [[nodiscard]] bool worth_a_test() const;
  [[nodiscard]] bool must_tell_room() const;

  // ---- time
  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);
  void tick_session();
  void ask_for_room();
  [[nodiscard]] std::optional<Time> time_wait_until() const;

  [[nodiscard]] bool over() const { return phase_ > Phase::kOpen; }
  [[nodiscard]] bool open_now() const { return phase_ == Phase::kOpen; }
  [[nodiscard]] Statistics statistics() const;

  const LinkOptions options_;
  Phase phase_ = Phase::kOpening;
  Time now_{0};
  FrameReader reader_;
  LinkSession session_;
  Sender sender_;
  std::optional<ReceiveWindow> receive_;  // once the session is there
  AckTimer ack_;
  Keepalive keepalive_;
  Pacer pacer_;
  LineTester tester_;
  LineTestee testee_;
  bool both_raw_ = false;
  bool both_upgrade_ = false;
  bool wanted_ = true;
  bool eof_ = false;
  bool line_speaks_ = false;  // text of its own, since the session is there
  std::uint64_t told_limit_ = Acknowledgement::kFirstRoom;  // of the room, to the other end
  std::optional<Time> ask_room_at_;  // when there is payload, and no room at the other end
  std::optional<Time> echo_told_at_;
  bool said_all_arrived_ = false;
  bool heard_all_arrived_ = false;

  // Events.
  std::array<bool, kOnceEvents> raised_{};      // and not given yet
  std::array<bool, kOnceEvents> was_raised_{};  // ever
  std::string why_dead_;

  // Output: what is offered, and what else is due.
  enum class Offer { kNothing, kRest, kPiece, kTestStep };
  Buffer output_;
  Offer offer_ = Offer::kNothing;
  std::optional<SendWindow::Piece> piece_;  // its payload is not looked at any more
  bool piece_dense_ = false;
  std::optional<Time> line_free_at_;
  bool xon_due_ = false;
  bool ping_due_ = false;
  bool echo_due_ = false;

  Statistics counts_;
  std::uint64_t malformed_ = 0;
};

}  // namespace subunit::link
