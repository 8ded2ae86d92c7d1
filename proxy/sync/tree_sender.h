#pragma once

#include <functional>
#include <string>

#include "common/sync/message.h"
#include "proxy/posix/log.h"
#include "proxy/sync/local_tree.h"

namespace proxy {

/// The client's side when a tree is brought to `serve`, over a channel that is its owner's. See
/// common/sync/SYNC.md.
class TreeSender {
 public:
  struct Events {
    std::function<void(subunit::Bytes)> send;
    std::function<bool()> congested;          ///< send() nothing now; feed() comes later
    std::function<void()> preparing;          ///< something of it goes on
    std::function<void()> done;               ///< the last event: it is there
    std::function<void(std::string)> failed;  ///< the last event; why, for people
  };

  /// `name` is the channel's, for people.
  TreeSender(LocalTree tree, std::string name, Events events, const Log& log);

  void receive(const subunit::sync::Message& message);
  /// Sends as much as the channel takes.
  void feed();

  [[nodiscard]] bool over() const { return stage_ == Stage::kOver; }

  /// For people: "for ...".
  [[nodiscard]] std::string awaited() const;
  /// If it ends now: "while …".
  [[nodiscard]] std::string how_far() const;

 private:
  enum class Stage { kSilent, kManifest, kAnswer, kContent, kEnd, kOver };

  void compare(subunit::Bytes print);
  void begin_contents(subunit::Bytes selection);
  void end(subunit::Bytes counts);
  void send_manifest();
  void send_content();
  [[nodiscard]] subunit::Result<bool> read_more(subunit::Buffer& piece);
  [[nodiscard]] subunit::Result<bool> next_file();
  void send(std::string_view word, subunit::Bytes bytes, bool last);
  void fail(std::string reason);
  void show_progress() const;

  const LocalTree tree_;
  const std::string name_;
  const Events events_;
  const Log& log_;
  Stage stage_ = Stage::kSilent;
  bool busy_said_ = false;
  subunit::Buffer manifest_;
  std::size_t sent_ = 0;  // bytes of it
  subunit::sync::Selection wanted_;
  std::uint64_t wanted_size_ = 0;
  std::uint64_t arrived_ = 0;  // pieces
  std::size_t at_ = 0;         // the entry
  Fd file_;                    // its file
  std::uint64_t read_ = 0;     // bytes of it
  subunit::sync::FingerprintBuilder builder_;
};

}  // namespace proxy
