#include <limits>

#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{.name = "self-check",
                                .description = "tells whether the file of this program is whole",
                                .usage = "Usage: subunit-proxy self-check SIZE HASH\n",
                                .footer =
                                    R"(SIZE is in bytes, and HASH 16 hexadecimal digits.
This is internal: `run --push` uses it.

Exit status:
  0  it is whole; the hash was printed
  3  it is not
)",
                                .hidden = true};

class SelfCheckCommand : public Subcommand {
 public:
  SelfCheckCommand() : Subcommand(kText) { options_.words(words_); }

  Action action(std::vector<std::string>) override {
    if (words_.size() != 2) throw UsageError("self-check needs SIZE and HASH");
    char* end = nullptr;
    const std::size_t size = std::strtoull(words_[0].c_str(), &end, 10);
    if (*end != '\0') throw UsageError("self-check: SIZE is not a number");
    return SelfCheckOptions{.size = size, .hash = words_[1]};
  }

 private:
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Subcommand> make_self_check_command(bool) {
  return std::make_unique<SelfCheckCommand>();
}

}  // namespace proxy
