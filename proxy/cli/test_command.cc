#include "proxy/cli/test_command.h"

#include <fmt/core.h>

#include <filesystem>

namespace proxy {
namespace {

/// The file of this program, wherever it was found.
std::string own_path() {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? "subunit-proxy" : path.string();
}

void add_text(CLI::App& app, const std::string& name, std::string& value, const std::string& help) {
  app.add_option(name, value, fmt::format("{} ({})", help, value))->option_text("TEXT");
}

/// An empty value would be taken from the next word if it did not stand there as one, and "--" as
/// one would end the options.
void add_option(std::vector<std::string>& words, const std::string& name,
                const std::string& value) {
  if (value.empty())
    words.insert(words.end(), {name, value});
  else
    words.push_back(name + "=" + value);
}

}  // namespace

void add_test_command_options(CLI::App& app, subunit::CommandTemplate::Text& text) {
  add_text(app, "--list-option", text.list_option, "$LISTOPT of the test command");
  add_text(app, "--id-option", text.id_option, "its $IDOPTION");
}

subunit::CommandTemplate parse_test_command(subunit::CommandTemplate::Text text) {
  auto command = subunit::CommandTemplate::parse(std::move(text));
  if (!command) throw CLI::ValidationError(command.error().text);
  return *command;
}

std::vector<std::string> command_server_words(const subunit::CommandTemplate::Text& text,
                                              subunit::Time grace) {
  const double seconds = std::chrono::duration<double>(grace).count();
  std::vector<std::string> words{own_path(), "command-server"};
  add_option(words, "--list-option", text.list_option);
  add_option(words, "--id-option", text.id_option);
  add_option(words, "--grace", fmt::format("{}", seconds / 2));
  words.insert(words.end(), {"--", text.command});
  return words;
}

}  // namespace proxy
