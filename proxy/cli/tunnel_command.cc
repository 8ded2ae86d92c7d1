#include "proxy/cli/line_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr Subcommand::Text kText{
    "tunnel", "open a channel for a client that speaks the protocol itself",
    "Usage: subunit-proxy tunnel [OPTIONS] -- CHANNEL COMMAND...\n",
    R"(CHANNEL COMMAND starts `subunit-proxy serve` on the test machine and connects it to its own stdin
and stdout. The packets that it sends go to the client as they are, those of the proxy among them;
whatever else it prints becomes file packets named "channel". The client is on stdin and stdout.

What the client sends is held until the other end has shown how it has to travel; to something that
waits for its client to speak first, it goes with --link raw.

With --listen, it is the first one that connects to ADDR, and only then is the channel opened.
ADDR is HOST:PORT, a bare PORT on the loopback interface, or unix:PATH; port 0 is any free one. The
address is shown on stderr.

Exit status: 0 the channel's command ended with 0, 2 bad usage, 3 anything else.

Example:
  subunit-proxy tunnel --listen 9999 -- ssh board subunit-proxy serve -- python3 -m subunit_rpc
)"};

class TunnelCommand : public Subcommand {
 public:
  explicit TunnelCommand(CLI::App& parent) : Subcommand(parent, kText) {
    app_.add_option_function<std::string>(
            "--listen", [this](const std::string& text) { options_.listen = endpoint_of(text); },
            "where a client connects")
        ->option_text("ADDR");
    app_.add_flag("--any-owner", options_.any_owner,
                  "also serve a client of another user, or on another machine");
    add_line_options(app_, options_.line);
    add_ready_fd(app_, options_.ready_fd);
  }

  Action action(std::vector<std::string> command) override {
    if (command.empty()) throw CLI::ValidationError("tunnel needs a CHANNEL COMMAND behind --");
    if ((options_.ready_fd || options_.any_owner) && !options_.listen)
      throw CLI::ValidationError("--ready-fd and --any-owner go with --listen");
    options_.channel = std::move(command);
    return options_;
  }

 private:
  TunnelOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> make_tunnel_command(CLI::App& parent) {
  return std::make_unique<TunnelCommand>(parent);
}

}  // namespace proxy
