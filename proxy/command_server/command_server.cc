#include "proxy/command_server/command_server.h"

#include <utility>

#include "proxy/command_server/conversation.h"
#include "proxy/io/handle.h"
#include "proxy/net/dial_proxy.h"

namespace proxy {

namespace {

constexpr int kIncomplete = 3;

}  // namespace

int command_server(const CommandServerOptions& options, const Log& log) {
  auto connection = dial_proxy("`subunit-proxy serve --test-command`");
  if (!connection) {
    log.error("{}", connection.error().text);
    return kIncomplete;
  }
  std::unique_ptr<subunit::adapter::Adapter> adapter;
  if (const auto* const program = std::get_if<CommandServerOptions::Program>(&options.command)) {
    // The flag that this variable of GoogleTest's stands for.
    std::vector<std::string> words = program->words;
    if (const char* const value = std::getenv("GTEST_ALSO_RUN_DISABLED_TESTS"))
      words.push_back(fmt::format("--gtest_also_run_disabled_tests={}", value));
    auto created = subunit::adapter::Adapter::create(program->adapter, words);
    if (!created) {
      log.error("{}", created.error().text);
      return kIncomplete;
    }
    adapter = std::move(*created);
  }
  Loop loop;
  Conversation conversation(loop.get(), std::move(connection->fd), options, std::move(adapter),
                            log);
  if (const auto started = conversation.start(connection->token); !started) {
    log.error("{}", started.error().text);
    return kIncomplete;
  }
  loop.run_until([&conversation] { return conversation.over(); });
  return conversation.exit_status();
}

}  // namespace proxy
