#include <limits>

#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    .name = "guard",
    .description = "ends what its parent has started if that is killed",
    .usage = "Usage: subunit-proxy guard --parent PID [--folder DIR]\n",
    .footer =
        R"(Reads numbers of processes from stdin until its end, and then ends these, and all that they and
the parent have started.
This is internal: `serve` starts it.

Exit status:
  0  always
)",
    .hidden = true};

class GuardCommand : public Subcommand {
 public:
  GuardCommand() : Subcommand(kText) {
    options_.integer({"--parent", "PID", "who has started this"}, 1,
                     std::numeric_limits<int>::max(), [this](int given) { parent_ = given; });
    options_.text({"--folder", "DIR", "to remove at the end"}, folder_);
  }

  Action action(std::vector<std::string>) override {
    if (parent_ == 0) throw UsageError("guard needs --parent");
    return GuardOptions{.parent = parent_, .folder = folder_};
  }

 private:
  int parent_ = 0;
  std::string folder_;
};

}  // namespace

std::unique_ptr<Subcommand> make_guard_command(bool) {
  return std::make_unique<GuardCommand>();
}

}  // namespace proxy
