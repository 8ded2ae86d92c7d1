#include "proxy/cli/run_options.h"

#include "proxy/cli/line_options.h"

namespace proxy {

void add_selection_options(OptionSet& options, RunOptions& run) {
  options.words("tests", "ids of the tests", run.tests);
  options.flag("--list", "list the tests, do not run them", run.list);
  options.text({"--load-list", "FILE", "read ids from FILE, one a line; - is stdin"},
               run.load_list);
}

void add_channel_options(OptionSet& options, RunOptions& run) {
  add_line_options(options, run.line);
  options.flag("--direct", "a test server at the other end of the channel, and no proxy",
               run.direct);
  options.seconds("--ready-timeout", "how long to wait for the proxy", run.ready_timeout);
  options.seconds("--attach-timeout", "then for a test server to be there", run.attach_timeout);
  options.seconds("--hello-timeout", "then for its answer", run.hello_timeout);
}

}  // namespace proxy
