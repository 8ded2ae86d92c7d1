#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "common/rpc/server_session.h"
#include "common/subunit/decoder.h"
#include "proxy/native/child.h"
#include "proxy/native/forked_run.h"
#include "proxy/native/suite.h"

namespace proxy::native {

/// Where the tests of a Run are run.
enum class Mode {
  kFork,     ///< in a process that is forked for it
  kExecute,  ///< in a process that starts the program afresh
  kHere,     ///< in this process
};

/// One client served over one connection, with the tests of this program: requests are answered one
/// after the other. Unless the tests run in this process, it answers Ping, and takes Cancel, at any
/// time; and if they do, between two tests.
class Server final : private Line {
 public:
  Server(Suite& suite, Mode mode, Fd connection, const OutputPipes& output);

  /// Serves until Goodbye, or the end of the connection. An Error if the client broke the protocol,
  /// or did not say Goodbye.
  [[nodiscard]] subunit::Result<> serve(const std::optional<std::string>& token);

 private:
  using Session = subunit::rpc::ServerSession;
  using Asked = std::variant<Session::ListAsked, Session::RunAsked>;

  void turn(bool wait);
  void read_connection();
  void receive(const subunit::Packet& packet);
  void receive_events();
  void queue(Asked asked);
  Asked take_waiting(const std::deque<Asked>::iterator& which);
  void cancel(const std::string& nonce);
  void close(const subunit::Result<>& result);
  void write_pending();
  void take_session_output();

  void serve_next();
  void list(const subunit::rpc::TestIds& asked);
  void begin_run(const subunit::rpc::TestIds& asked);
  [[nodiscard]] Places places(const subunit::rpc::TestIds& asked, bool for_run);
  void fail_unknown(const std::string& id);
  void request_done();

  [[nodiscard]] subunit::Result<Child> make_child();
  void start_child();
  bool read_child();
  void child_ended();
  void child_leaves();
  void end_child(int wait_status);
  void stop_run();

  void send(subunit::Bytes packets, bool wait) override;
  [[nodiscard]] bool stopped() override { return stopped_; }

  Suite& suite_;
  const Mode mode_;
  Fd connection_;
  const OutputPipes& output_;
  std::unordered_map<std::string_view, std::size_t> places_;  // by id

  Session session_;
  subunit::Decoder decoder_;
  subunit::Result<> result_;
  bool closing_ = false;
  std::optional<subunit::Time> hello_deadline_;
  subunit::Buffer outbox_;
  std::size_t sent_ = 0;  // bytes of outbox_

  std::deque<Asked> waiting_;
  std::size_t waiting_ids_ = 0;       // in waiting_
  std::optional<std::string> nonce_;  // of the request that is being answered
  bool stopped_ = false;              // it is to end
  std::optional<ForkedRun> run_;
  std::optional<Child> child_;
  std::optional<Child> leaving_;  // has done its Run, and has not ended yet
  std::optional<subunit::Decoder> child_decoder_;
  bool child_waits_ = false;  // until outbox_ is written
  std::optional<subunit::Time> kill_deadline_;
};

}  // namespace proxy::native
