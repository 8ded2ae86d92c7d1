#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "common/base/time.h"
#include "common/command/answer.h"
#include "common/subunit/packet.h"
#include "proxy/io/child.h"

namespace proxy {

/// A command whose results and output a Writer gets as packets, in whatever way it tells them.
class CapturedCommand {
 public:
  struct Events {
    /// Called once: the command has ended, and the Writer has got all that it said.
    std::function<void(const Ending&)> ended;
    /// Optional: what becomes of a packet. Without this, all of them pass.
    std::function<subunit::command::Fate(const subunit::Packet&)> packet = nullptr;
  };

  CapturedCommand() = default;
  CapturedCommand(const CapturedCommand&) = delete;
  CapturedCommand& operator=(const CapturedCommand&) = delete;
  virtual ~CapturedCommand() = default;

  /// To be called when the Writer has made progress: the command's writes block while it is
  /// congested.
  virtual void regulate() = 0;

  /// Nobody needs the rest of what the command says: it is not read any more.
  virtual void stop_reading() = 0;

  /// As Child::terminate().
  virtual void terminate(subunit::Time grace) = 0;

  /// 0 before the start.
  [[nodiscard]] virtual pid_t pid() const = 0;
  /// As Child::group_alive().
  [[nodiscard]] virtual bool group_alive() const = 0;

  /// The end of what it printed, for a person: empty, or paragraphs.
  [[nodiscard]] virtual std::string last_output() const = 0;
};

}  // namespace proxy
