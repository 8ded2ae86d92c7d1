#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/rpc/announcement.h"
#include "proxy/guard/guard_process.h"
#include "proxy/serve/leftovers.h"
#include "proxy/serve/test_server.h"

namespace proxy {

/// All test servers of this proxy: starts them, or lets them in, starts them again when the client
/// asks for it, and ends them.
class Supervisor {
 public:
  struct Events {
    std::function<void(TestServer&)> attached;
    std::function<void()> detached;  ///< one is gone, or will not come
    std::function<void()> over;      ///< so are its processes
    std::function<void()> flow;      ///< something was sent
  };

  Supervisor(uv_loop_t& loop, const ServeOptions& options, const Log& log, Writer& to_client,
             Events events);

  /// Listens, if that is what was asked for.
  [[nodiscard]] subunit::Result<> prepare();

  /// Where test servers dial in, or are dialled; several stand side by side.
  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::optional<std::string> listening() const;
  /// How many servers there will be, where it is known to be more than one.
  [[nodiscard]] std::optional<int> expected() const;

  void start();

  /// The server with this route code; nullptr if there never was one.
  [[nodiscard]] TestServer* find(std::string_view route);

  /// The one that a packet without a route code is for; nullptr once there can be several.
  [[nodiscard]] TestServer* only();

  void for_each_attached(const std::function<void(TestServer&)>& visit);

  /// Ends that server and starts it afresh. An Error says why that cannot be; another request for
  /// a server that is about to be back is none.
  [[nodiscard]] subunit::Result<> respawn(const subunit::rpc::Respawn& request);

  /// To all that are there. From now on, none is started any more.
  void say_goodbye(const subunit::Packet& packet);
  void finish();
  void stop(std::string_view why);
  void kill();

  /// No more callers.
  void close();

  void flush();
  void set_flow(Flow flow);
  /// Bytes from the client that servers have not taken yet, and whether one should get no more.
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] bool congested() const;

  [[nodiscard]] subunit::rpc::Alive alive() const;

  /// Some server is there, or on its way.
  [[nodiscard]] bool any_left() const;
  /// All have ended, with their processes, and what these left behind.
  [[nodiscard]] bool over() const;
  /// Every one has ended as the protocol says, but for those that were gone before Goodbye.
  [[nodiscard]] bool all_well() const;
  [[nodiscard]] bool any_attached_yet() const { return ever_attached_ > 0; }

 private:
  enum class Restart {
    kNone,
    kWanted,    // the server that is there has to end first
    kUnderWay,  // the new one is not attached yet
  };

  struct Slot {
    std::unique_ptr<TestServer> server;
    Restart restart = Restart::kNone;
    bool excused = false;  // it was gone before Goodbye was said
  };
  using Slots = std::map<unsigned, Slot>;

  Slot& add_slot();
  std::unique_ptr<TestServer> make_server(unsigned number);
  [[nodiscard]] Slot* find_slot(const std::optional<std::string>& route);
  [[nodiscard]] bool has_room() const;
  void welcome(ServerConnection connection);
  void attached(Slot& slot);
  void detached(Slot& slot);
  void replace_ended();
  void cancel_restarts();
  [[nodiscard]] bool servers_over() const;
  void end_leftovers();
  [[nodiscard]] bool awaits(pid_t child) const;

  uv_loop_t& loop_;
  const ServeOptions& options_;
  const Log& log_;
  Writer& to_client_;
  Events events_;
  Listening listening_;
  GuardProcess guard_;
  Leftovers leftovers_;
  Slots slots_;
  unsigned next_number_ = 0;
  unsigned ever_attached_ = 0;
  bool ending_ = false;    // no server is started any more
  bool closed_ = false;    // nor waited for
  bool lost_one_ = false;  // one whose slot is no more has not ended well
  Flow flow_;
  unsigned first_in_turn_ = 0;
  Timer replace_timer_;
};

}  // namespace proxy
