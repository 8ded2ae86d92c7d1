#include "proxy/testr/channel_list.h"

#include <filesystem>

#include "common/base/python_config.h"
#include "common/base/text.h"
#include "proxy/posix/read_file.h"

namespace proxy {

using subunit::error;
using subunit::escaped;
using subunit::Result;
using subunit::Words;

namespace {

constexpr std::size_t kMaxFile = 1 << 20;  // thousands of machines

std::string working_directory() {
  std::error_code unknown;
  const auto path = std::filesystem::current_path(unknown);
  return unknown ? "the current directory" : escaped(path.string());
}

}  // namespace

Result<std::vector<Words>> read_channel_list(const std::string& path) {
  const auto text = read_file("the list of channels", path, kMaxFile);
  if (!text) return tl::unexpected(text.error());
  auto commands = subunit::split_commands(*text);
  if (!commands) return error("\"{}\": {}", escaped(path), commands.error().text);
  if (commands->empty()) return error("\"{}\" contains no channel command", escaped(path));
  return commands;
}

Result<std::vector<Words>> read_server_commands(const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) {
    return error("there is no {} in {}: its {} tells how to reach the test server", path,
                 working_directory(), kServerCommand);
  }
  const auto text = read_file("the configuration", path, kMaxFile);
  if (!text) return tl::unexpected(text.error());
  const auto config = subunit::PythonConfig::parse(*text);
  if (!config) return error("{}: {}", path, config.error().text);
  const auto value = config->get(kServerCommand);
  if (!value) return error("{}: {}", path, value.error().text);
  auto commands = subunit::split_commands(value->value_or(""));
  if (!commands) return error("{}: {}: {}", path, kServerCommand, commands.error().text);
  if (commands->empty()) {
    return error(
        "{} in {} has no {}; add a line such as\n"
        "{}=ssh HOST subunit-proxy serve -- python3 -m subunit_rpc discover\n"
        "to its section [DEFAULT]",
        path, working_directory(), kServerCommand, kServerCommand);
  }
  return commands;
}

}  // namespace proxy
