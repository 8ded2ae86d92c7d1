#include "proxy/cli/options/client_options.h"
#include "proxy/cli/options/shared_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    "tunnel", "open a channel for a client that speaks the protocol itself",
    "Usage: subunit-proxy tunnel [OPTIONS] -- CHANNEL COMMAND...\n",
    R"(CHANNEL COMMAND starts `subunit-proxy serve` on the test machine and connects it to its own stdin
and stdout. The client is on stdin and stdout of `subunit-proxy tunnel`. It gets the packets from
the channel unchanged, including those of the proxy. Everything else that the channel prints becomes
file packets named "channel".

What the client sends is held back until it is known whether the other end uses the console link. If
the other end waits for its client to speak first, use --link raw.

With --listen, the client is the first to connect to ADDR, and the channel is opened only then.
ADDR is HOST:PORT, a bare PORT on the loopback interface, or unix:PATH; port 0 is any free port. The
address is printed on stderr.

Exit status:
  0  the channel's command ended with status 0, or the console link was closed in order
  2  bad usage
  3  anything else

Example:
  subunit-proxy tunnel --listen 9999 -- ssh board subunit-proxy serve -- python3 -m subunit_rpc
)"};

class TunnelCommand : public Subcommand {
 public:
  TunnelCommand() : Subcommand(kText) {
    add_endpoint(options_, {"--listen", "ADDR", "listen for the client at ADDR"}, tunnel_.listen);
    options_.flag("--any-owner", "also serve a client of another user or on another machine",
                  tunnel_.any_owner);
    add_line_options(options_, tunnel_.line);
    add_ready_fd(options_, tunnel_.ready_fd);
  }

  Action action(std::vector<std::string> command) override {
    if (command.empty()) throw UsageError("tunnel needs a CHANNEL COMMAND after --");
    if ((tunnel_.ready_fd || tunnel_.any_owner) && !tunnel_.listen)
      throw UsageError("--ready-fd and --any-owner need --listen");
    tunnel_.channel = std::move(command);
    return tunnel_;
  }

 private:
  TunnelOptions tunnel_;
};

}  // namespace

std::unique_ptr<Subcommand> make_tunnel_command(bool) {
  return std::make_unique<TunnelCommand>();
}

}  // namespace proxy
