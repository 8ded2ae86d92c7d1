#pragma once

#include <array>
#include <string>

#include "common/link/link_parts.h"

namespace subunit::link {

/// Makes events of what comes from the line, and takes note in the parts of what it means.
class LinkInput {
 public:
  explicit LinkInput(LinkParts& parts) : parts_(parts) {}

  [[nodiscard]] std::optional<Link::Event> next_event();
  /// The line has ended: everything that has come is looked at before.
  void receive_eof() { eof_ = true; }
  void want_payload(bool wanted) { wanted_ = wanted; }
  /// Goes when the other end knows as much as we do.
  void check_complete();
  void complete();
  void die(std::string reason);

  /// Closed is there to be taken.
  [[nodiscard]] bool closed_is_due() const;
  /// Frames that were whole and made no sense.
  [[nodiscard]] std::uint64_t malformed() const { return malformed_; }

 private:
  /// Events that come once, in the order in which they come if there are several. Those from
  /// kFinished on come behind the payload.
  enum Once { kOpened, kEchoThere, kEchoHere, kFinished, kClosed, kDied, kOnceEvents };

  [[nodiscard]] std::optional<Link::Event> ready_event();
  [[nodiscard]] std::optional<Link::Event> once_event(Once which);
  void raise_once(Once which);
  [[nodiscard]] std::optional<Link::Event> noise(const LineNoise& noise);
  [[nodiscard]] Link::Event counted(const LineNoise& noise);
  void frame(const Frame& frame);
  void own_frame(const Frame& frame);
  void late_frame(const Frame& frame);
  void session_frame(const Frame& frame);
  void hello(const Frame& frame);
  void payload(const Frame& frame);
  void acknowledgement(const Frame& frame);
  void test(const Frame& frame);
  void test_result(const Frame& frame);
  void found_malformed() { ++malformed_; }
  void heard() { parts_.keepalive.heard(parts_.now); }
  void open();
  void line_ended();

  LinkParts& parts_;
  bool wanted_ = true;
  bool eof_ = false;
  bool line_speaks_ = false;  // text of its own, since the session is there
  std::optional<Time> echo_told_at_;
  std::uint64_t malformed_ = 0;

  std::array<bool, kOnceEvents> raised_{};      // and not given yet
  std::array<bool, kOnceEvents> was_raised_{};  // ever
  std::string why_dead_;
};

}  // namespace subunit::link
