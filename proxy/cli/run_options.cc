#include "proxy/cli/run_options.h"

#include "proxy/cli/line_options.h"

namespace proxy {

void add_selection_options(CLI::App& app, RunOptions& options) {
  app.add_option("tests", options.tests, "ids of the tests");
  app.add_flag("--list", options.list, "list the tests, do not run them");
  app.add_option("--load-list", options.load_list, "read ids from FILE, one a line; - is stdin")
      ->option_text("FILE");
}

void add_channel_options(CLI::App& app, RunOptions& options) {
  add_line_options(app, options.line);
  app.add_flag("--direct", options.direct,
               "a test server at the other end of the channel, and no proxy");
  add_seconds(app, "--ready-timeout", options.ready_timeout, "how long to wait for the proxy");
  add_seconds(app, "--attach-timeout", options.attach_timeout,
              "then for a test server to be there");
  add_seconds(app, "--hello-timeout", options.hello_timeout, "then for its answer");
}

}  // namespace proxy
