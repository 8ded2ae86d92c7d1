#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/rpc/announcement.h"
#include "common/rpc/client_session.h"
#include "common/subunit/captured_output.h"
#include "common/verdict/ledger.h"
#include "proxy/client/channel.h"
#include "proxy/client/options.h"
#include "proxy/client/output.h"
#include "proxy/client/selection.h"
#include "proxy/io/log.h"

namespace proxy {

/// One run: opens the channel, lists or runs tests on the server behind it, and says Goodbye.
class Runner {
 public:
  Runner(uv_loop_t& loop, const RunOptions& options, const Selection& selection, Fd out,
         const Log& log);

  /// An Error if the channel's command cannot be started.
  [[nodiscard]] subunit::Result<> start();

  /// Turn the loop until this is true.
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver && out_.over(); }

  /// 0: everything asked for passed. 1: a test failed. 2: nothing was selected. 3: the run could
  /// not be completed.
  [[nodiscard]] int exit_status() const;

 private:
  enum class Phase {
    kReady,   // waiting for the proxy
    kAttach,  // for the test server to be there
    kHello,   // for it to answer
    kList,
    kRun,
    kGoodbye,  // all is said; waiting for the end of the channel
    kOver,
  };

  void enter(Phase phase, std::optional<subunit::Time> deadline = {});
  void deadline_passed();

  void receive(const subunit::Packet& packet);
  void receive_announcement(const subunit::Packet& packet);
  void receive_result(const subunit::Packet& packet);
  void receive_noise(subunit::Bytes bytes);
  void pass_on_early_noise();
  void batch_over();
  void regulate();
  void channel_ended();

  void say_hello();
  void opened();
  void answered();
  void ask_list();
  void ask_run();
  void expect(const std::vector<std::string>& ids);
  void say_goodbye();
  void send_pending();

  void fail(std::string problem);
  void interrupt();
  void conclude();
  void fail_tests();
  void emit(const subunit::Buffer& packets);
  void output_failed(std::string_view why);
  [[nodiscard]] std::string until_when() const;
  [[nodiscard]] std::string describe_early_noise() const;

  const RunOptions& options_;
  const Selection& selection_;
  const Log& log_;

  Writer out_;
  subunit::Ledger ledger_;
  std::unique_ptr<Output> output_;
  Channel channel_;
  Timer deadline_;
  SignalWatch interrupt_;
  SignalWatch terminate_;
  SignalWatch hangup_;

  Phase phase_ = Phase::kReady;
  std::string problem_;  // the first thing that went wrong
  int interrupts_ = 0;
  bool completed_ = false;  // everything was answered
  bool nothing_matched_ = false;
  bool output_lost_ = false;

  subunit::ClientSession session_;
  subunit::AttachmentAssembler announcements_;
  std::string proxy_;    // as its Ready names it
  std::string address_;  // of the test server

  std::vector<std::string> listed_;  // that were selected, as often as they were listed
  std::size_t listed_in_all_ = 0;

  subunit::Buffer early_noise_;       // the beginning of what came before Ready
  std::size_t early_noise_size_ = 0;  // all of it
  subunit::CapturedOutput noise_{"channel"};
};

}  // namespace proxy
