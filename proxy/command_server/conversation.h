#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "common/rpc/server_session.h"
#include "proxy/command_server/command_server.h"
#include "proxy/command_server/request.h"
#include "proxy/command_server/temporary_folder.h"
#include "proxy/guard/guard_process.h"
#include "proxy/io/packet_reader.h"
#include "proxy/io/watch.h"

namespace proxy {

/// One client served over one connection: requests are answered one after the other, each by a
/// command of its own.
class Conversation {
 public:
  Conversation(uv_loop_t& loop, Fd connection, const CommandServerOptions& options,
               std::unique_ptr<subunit::adapter::Adapter> adapter, const Log& log);

  /// Shows the proxy that it has started this server, if there is a token, and waits for Hello. An
  /// Error if this process cannot do its work.
  [[nodiscard]] subunit::Result<> start(const std::optional<std::string>& token);

  /// Turn the loop until this is true.
  [[nodiscard]] bool over() const;

  /// 0: the client has said Goodbye. 3: it ended otherwise.
  [[nodiscard]] int exit_status() const { return problem_ ? 3 : 0; }

 private:
  using Session = subunit::rpc::ServerSession;
  using Asked = std::variant<Session::ListAsked, Session::RunAsked>;

  void receive(const subunit::Packet& packet);
  void receive_noise(subunit::Bytes bytes);
  void channel_ended();
  void queue(Asked asked);
  Asked take_waiting(const std::deque<Asked>::iterator& which);
  void serve_next();
  [[nodiscard]] subunit::command::RunRules make_rules() const;
  [[nodiscard]] subunit::command::Answer answer_to(Session::ListAsked& list) const;
  [[nodiscard]] subunit::command::Answer answer_to(Session::RunAsked& run) const;
  void start_request(subunit::command::Answer answer);
  void request_ended(const subunit::Result<>& result);
  void answer_ended(const subunit::Result<>& result);
  void clear_away();
  void cancel(const std::string& nonce);
  void cancel_request(subunit::Time grace);
  void end(subunit::Time grace);
  void fail(std::string_view why, std::optional<subunit::Time> grace = std::nullopt);
  void signalled(std::string_view name);
  void abandon();
  void connection_lost(std::string_view why);
  void send_pending();
  void regulate();

  uv_loop_t& loop_;
  const CommandServerOptions& options_;
  const Suite suite_;
  const subunit::command::RunRules rules_;
  const Log& log_;
  Session session_;
  Writer to_client_;
  PacketReader from_client_;
  StopSignals signals_;
  std::optional<TemporaryFolder> folder_;
  GuardProcess guard_;
  Timer hello_timer_;
  Timer next_timer_;
  Timer grace_timer_;
  std::deque<Asked> waiting_;
  std::size_t waiting_ids_ = 0;                   // in waiting_
  std::optional<Request> request_;                // until none of its processes is left
  std::string nonce_;                             // of request_
  std::optional<subunit::command::Answer> rest_;  // of it: another command is to follow
  bool ending_ = false;                           // nothing more is asked
  bool problem_ = false;                          // it has not ended as the protocol says
};

}  // namespace proxy
