#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/adapter/adapter.h"
#include "common/subunit/captured_output.h"
#include "common/verdict/ledger.h"
#include "proxy/capture/captured_command.h"
#include "proxy/capture/captured_pipe.h"
#include "proxy/command_server/temporary_folder.h"
#include "proxy/io/stream.h"
#include "proxy/io/watch.h"
#include "proxy/net/listener.h"
#include "proxy/posix/log.h"

namespace proxy {

/// A program of a test framework, started in the framework's own way to list or run tests. A Writer
/// gets its results, and what it prints as attachments of the test in progress.
///
/// The program does not wait until its output was read. So what the next test prints in the first
/// microseconds may count as output of the one before.
class AdaptedCommand : public CapturedCommand {
 public:
  AdaptedCommand(uv_loop_t& loop, Writer& to, const Log& log, const TemporaryFolder& folder,
                 Events events);
  ~AdaptedCommand() override;

  /// `command` starts the program, to list its tests. An Error says why it could not be started.
  [[nodiscard]] subunit::Result<> list(const std::vector<std::string>& command,
                                       const subunit::adapter::Adapter& adapter);
  /// The same to run `ids`.
  [[nodiscard]] subunit::Result<> run(const std::vector<std::string>& command,
                                      const subunit::adapter::Adapter& adapter,
                                      const std::vector<std::string>& ids);

  /// After its end: a test has crashed it, whatever its exit status says.
  [[nodiscard]] bool has_crashed() const { return results_ && results_->has_crashed(); }
  /// After its end: its exit status tells of tests that were not asked for.
  [[nodiscard]] bool others_have_failed() const {
    return results_ && results_->others_have_failed();
  }

  /// After its end: what it has left, and if it was to list tests what it has said.
  [[nodiscard]] subunit::adapter::Remains remains() const;

  void regulate() override;
  void stop_reading() override;
  void terminate(subunit::Time grace) override { child_.terminate(grace); }
  [[nodiscard]] pid_t pid() const override { return child_.pid(); }
  [[nodiscard]] bool group_alive() const override { return child_.group_alive(); }
  [[nodiscard]] std::string last_output() const override;

 private:
  using Source = subunit::adapter::EventSource;

  [[nodiscard]] subunit::Result<subunit::adapter::Outlets> open_outlets();
  [[nodiscard]] subunit::Result<std::string> open_fifo();
  [[nodiscard]] subunit::Result<std::string> open_socket();
  [[nodiscard]] subunit::Result<> start(const std::vector<std::string>& command,
                                        subunit::adapter::Invocation invocation);
  void accept();
  void read_events(Fd fd);
  void receive_events(subunit::Bytes bytes);
  void keep(subunit::Bytes bytes, std::string& listed);
  void catch_up();
  void receive_stdout(subunit::Bytes bytes);
  void send_output(subunit::Bytes packets);
  void handle_events();
  void handle(const subunit::adapter::TestStarted& event);
  void handle(const subunit::adapter::TestEnded& event);
  void handle(const subunit::adapter::Output& event);
  void send_status(std::string_view test_id, subunit::Status status);
  void attribute();
  [[nodiscard]] bool output_over() const;
  void child_ended();
  void end_overdue();
  void conclude_if_possible();
  void fail_open_tests();

  uv_loop_t& loop_;
  Writer& to_;
  const Log& log_;
  const TemporaryFolder& folder_;
  Events events_;
  Source source_ = Source::kStdout;
  std::unique_ptr<subunit::adapter::ResultReader> results_;  // not if it lists tests
  std::optional<Listener> listener_;
  std::optional<ReadinessWatch> connecting_;  // listener_
  std::array<std::uint8_t, CapturedPipe::kReadSize> room_;
  std::array<std::uint8_t, CapturedPipe::kReadSize> event_room_;
  std::optional<Reader> event_reader_;
  bool events_came_ = false;
  CapturedPipe out_;
  CapturedPipe err_;
  subunit::CapturedOutput printed_{"stdout"};  // among results
  std::string listed_events_;
  std::string listed_output_;
  bool is_cut_ = false;  // more was listed than is kept
  subunit::verdict::OpenTests open_tests_;
  subunit::Buffer packets_;
  Child child_;
  Timer end_timer_;
  bool concluded_ = false;
};

}  // namespace proxy
