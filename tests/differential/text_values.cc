// What reads text that people write, as a filter, for tests that are not in C++.
//
//   text_values    stdin: a JSON object a line; stdout: a JSON object a line
//
// {"config":"…","name":"n"}  the value of an option, null where there is none
// {"commands":"…"}           the commands, lists of words
//
// Out comes {"value":…}, or {"error":"…"}.

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/python_config.h"
#include "common/base/shell_words.h"

using namespace subunit;
using nlohmann::json;

namespace {

Result<json> value(const json& line) {
  if (line.contains("commands")) {
    const auto commands = split_commands(line["commands"].get_ref<const std::string&>());
    if (!commands) return tl::unexpected(commands.error());
    return json(*commands);
  }
  const auto config = PythonConfig::parse(line["config"].get_ref<const std::string&>());
  if (!config) return tl::unexpected(config.error());
  const auto found = config->get(line["name"].get_ref<const std::string&>());
  if (!found) return tl::unexpected(found.error());
  return *found ? json(**found) : json(nullptr);
}

}  // namespace

int main() {
  for (std::string text; std::getline(std::cin, text);) {
    const auto result = value(json::parse(text));
    const json line = result ? json{{"value", *result}} : json{{"error", result.error().text}};
    std::cout << line.dump() << '\n';
  }
}
