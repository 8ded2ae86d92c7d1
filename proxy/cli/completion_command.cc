#include "proxy/cli/completion.h"
#include "proxy/cli/program.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    .name = "completion",
    .description = "print a script for a shell, which completes command lines of subunit-proxy",
    .usage = "Usage: subunit-proxy completion bash|zsh|fish\n",
    .footer =
        R"(`meson install` and the packages put these scripts where the shells look. Without that:

  source <(subunit-proxy completion bash)       or zsh, after compinit
  subunit-proxy completion fish | source
)",
    .hidden = true};

class CompletionCommand : public Subcommand {
 public:
  CompletionCommand() : Subcommand(kText) { options_.words(shells_); }

  Action action(std::vector<std::string>) override {
    const std::string shell = shells_.size() == 1 ? shells_.front() : "";
    if (shell == "bash") return answer(bash_completion(kWholeProgram));
    if (shell == "zsh") return answer(zsh_completion(kWholeProgram));
    if (shell == "fish") return answer(fish_completion(kWholeProgram));
    throw UsageError("completion needs the name of a shell: bash, zsh or fish");
  }

 private:
  static Answer answer(std::string script) { return {Answer::Kind::kHelp, std::move(script)}; }

  std::vector<std::string> shells_;
};

}  // namespace

std::unique_ptr<Subcommand> make_completion_command(bool) {
  return std::make_unique<CompletionCommand>();
}

}  // namespace proxy
