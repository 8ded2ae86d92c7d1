#include "proxy/cli/test_command.h"

#include <fmt/core.h>

#include <filesystem>

#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

/// The file of this program, wherever it was found.
std::string own_path() {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? "subunit-proxy" : path.string();
}

void add_text(OptionSet& options, const char* name, const char* help, std::string& value) {
  options.text({name, "TEXT", fmt::format("{} ({})", help, value)}, value);
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

void add_test_command_options(OptionSet& options, subunit::command::CommandTemplate::Text& text) {
  add_text(options, "--list-option", "$LISTOPT of the test command", text.list_option);
  add_text(options, "--id-option", "its $IDOPTION", text.id_option);
}

subunit::command::CommandTemplate parse_test_command(subunit::command::CommandTemplate::Text text) {
  return value_of(subunit::command::CommandTemplate::parse(std::move(text)));
}

std::vector<std::string> command_server_words(const subunit::command::CommandTemplate::Text& text,
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
