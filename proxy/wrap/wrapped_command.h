#pragma once

#include <array>
#include <functional>
#include <optional>

#include "common/subunit/captured_output.h"
#include "common/verdict/ledger.h"
#include "proxy/capture/captured_command.h"
#include "proxy/capture/captured_pipe.h"
#include "proxy/io/child.h"
#include "proxy/io/packet_reader.h"
#include "proxy/posix/log.h"

namespace proxy {

/// A command that runs tests, and writes subunit packets and other things to its stdout. A Writer
/// gets a clean stream: packets as they are, the rest as attachment "stdout" of the test in
/// progress, and a failure for each test that is still in progress when the command has ended.
class WrappedCommand : public CapturedCommand {
 public:
  WrappedCommand(uv_loop_t& loop, Writer& to, const Log& log, Events events);

  /// `command.out` is replaced. An Error says why it could not be started.
  [[nodiscard]] subunit::Result<> start(Command command);

  /// `command.err` is replaced, too: what it writes there becomes attachment "stderr".
  [[nodiscard]] subunit::Result<> start_with_stderr(Command command);

  void regulate() override;
  void stop_reading() override;
  void terminate(subunit::Time grace) override { child_.terminate(grace); }
  [[nodiscard]] pid_t pid() const override { return child_.pid(); }
  [[nodiscard]] bool group_alive() const override { return child_.group_alive(); }
  [[nodiscard]] std::string last_output() const override;
  [[nodiscard]] bool running() const { return child_.running(); }
  [[nodiscard]] const std::optional<Ending>& ending() const { return child_.ending(); }

 private:
  [[nodiscard]] subunit::Result<> start(Command& command, Pipe out);
  void receive(const subunit::Packet& packet);
  void receive_noise(subunit::Bytes bytes);
  void attribute();
  void send_noise();
  [[nodiscard]] bool output_over() const;
  void child_ended();
  void end_overdue();
  void conclude_if_possible();
  void fail_open_tests();

  uv_loop_t& loop_;
  Writer& to_;
  const Log& log_;
  Events events_;
  PacketRun run_;
  std::optional<PacketReader> reader_;
  std::array<std::uint8_t, CapturedPipe::kReadSize> room_;
  std::optional<CapturedPipe> errors_;  // stderr, if it is captured
  subunit::verdict::OpenTests open_tests_;
  subunit::CapturedOutput noise_{"stdout"};
  subunit::Buffer noise_packets_;
  Child child_;
  Timer end_timer_;
  bool concluded_ = false;
};

}  // namespace proxy
