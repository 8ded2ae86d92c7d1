#include "proxy/native/program.h"

#include <dirent.h>
#include <fmt/core.h>

#include <cstdio>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "common/base/text.h"
#include "proxy/native/child.h"
#include "proxy/native/server.h"
#include "proxy/net/dial_proxy.h"

namespace proxy::native {

namespace {

constexpr int kIncomplete = 3;

int count_threads() {
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir("/proc/self/task"), ::closedir);
  int count = 0;
  while (const dirent* entry = tasks ? ::readdir(tasks.get()) : nullptr)
    if (entry->d_name[0] != '.') ++count;
  return count;
}

Mode choose_mode(const Options& options) {
  if (!options.fork) return Mode::kHere;
  const int threads = count_threads();
  if (threads <= 1) return Mode::kFork;
  say(
      fmt::format("this program has started {} before its tests, which a forked process would "
                  "not have: each Run starts the program afresh",
                  threads == 2 ? "a thread" : fmt::format("{} threads", threads - 1)));
  return Mode::kExecute;
}

void carry_out(Suite& suite, Assignment assignment, const OutputPipes& output) {
  const std::unordered_set<std::string> asked(assignment.ids.begin(), assignment.ids.end());
  Places which;
  for (std::size_t place = 0; place < suite.tests().size(); ++place)
    if (asked.count(suite.tests()[place].id) > 0) which.push_back(place);
  ChildLine line(std::move(assignment.line));
  Reporter reporter(line, output);
  if (!which.empty()) suite.run(which, reporter);
  line.complete();
}

}  // namespace

Options Options::parse(int argc, const char* const* argv) {
  Options options;
  for (int index = 1; index < argc; ++index) {
    const std::string_view word = argv[index];
    if (word == "--subunit-rpc") options.serve = true;
    if (word == "--no-fork") options.fork = false;
  }
  return options;
}

int serve(Suite& suite, const Options& options) {
  const OutputPipes output;
  if (auto assignment = Assignment::take()) {
    carry_out(suite, std::move(*assignment), output);
    return 0;
  }
  auto connection = dial_proxy("`subunit-proxy serve -- PROGRAM --subunit-rpc`");
  if (!connection) {
    say(connection.error().text);
    return kIncomplete;
  }
  Server server(suite, choose_mode(options), std::move(connection->fd), output);
  const auto served = server.serve(connection->token);
  if (served) return 0;
  say(served.error().text);
  return kIncomplete;
}

void say(const std::string& text) {
  std::fprintf(stderr, "subunit-proxy: %s\n", subunit::harmless(text).c_str());
}

}  // namespace proxy::native
