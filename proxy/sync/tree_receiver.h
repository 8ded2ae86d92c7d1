#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/sync/contents.h"
#include "common/sync/message.h"
#include "proxy/io/stream.h"
#include "proxy/posix/log.h"
#include "proxy/sync/target.h"

namespace proxy {

/// The side of `serve` when a tree is brought to it: it asks the client for what is missing. See
/// common/sync/SYNC.md.
class TreeReceiver {
 public:
  struct Events {
    /// The tree is there; an Error if nothing can be done in it.
    std::function<subunit::Result<>()> arrived;
    std::function<void()> done;                    ///< the client knows that
    std::function<void(std::string_view)> failed;  ///< the client knows why
  };

  /// `path` is that of the folder it is brought to.
  TreeReceiver(uv_loop_t& loop, std::string path, Writer& to_client, Events events);

  void begin();
  void receive(const subunit::sync::Message& message);

  /// The last event was done or failed.
  [[nodiscard]] bool over() const { return stage_ == Stage::kOver; }

  /// Valid once it has arrived.
  [[nodiscard]] const Target& target() const { return *target_; }

 private:
  enum class Stage { kLocking, kManifest, kContent, kOver };

  void lock();
  void offer();
  void receive_manifest(const subunit::sync::Message& message);
  void receive_content(subunit::Bytes piece);
  void store_contents(subunit::Bytes rest);
  void compare();
  [[nodiscard]] subunit::Result<> change();
  void finish();
  void fail(std::string_view why);
  void send(std::string_view word, subunit::Bytes bytes);

  const std::string path_;
  Writer& to_client_;
  const Events events_;
  Timer timer_;  // to try again, or until the client is taken for gone
  Stage stage_ = Stage::kLocking;
  std::optional<Target> target_;
  bool alone_ = false;              // nobody else is in it
  bool changed_ = false;            // there is something to be kept
  subunit::sync::KnownTree known_;  // what is there
  subunit::sync::KnownTree tree_;   // what is to be there
  subunit::Buffer received_;
  std::vector<std::size_t> old_;  // places of the entries in known_
  subunit::sync::Selection wanted_;
  subunit::sync::Selection other_mode_;
  std::optional<subunit::sync::Contents> contents_;
  std::uint32_t brought_ = 0;
  std::uint32_t removed_ = 0;
};

}  // namespace proxy
