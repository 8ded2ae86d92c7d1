#include "proxy/push/payloads.h"

#include <array>
#include <filesystem>

#include "common/base/text.h"
#include "common/push/transfer.h"
#include "proxy/posix/read_file.h"
#include "proxy/python/archive.h"

namespace proxy {

using subunit::as_bytes;
using subunit::error;
using subunit::Result;
using subunit::push::Payload;

namespace {

constexpr std::array<const char*, 4> kMachines = {"x86_64", "aarch64", "armhf", "riscv64"};

constexpr std::size_t kMaxSize = 64 << 20;

std::string path_of(const std::string& folder, std::string_view machine) {
  return fmt::format("{}/serve-{}", folder, machine);
}

std::vector<std::string> folders(const PushOptions& options) {
  if (options.from) return {*options.from};
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::string folder = program.parent_path().string();
  return {folder + "/../lib/subunit-proxy", folder + "/lib/subunit-proxy"};
}

}  // namespace

Result<std::string> Payloads::content(std::string_view machine) const {
  auto content = read_file("the program for test machines", path_of(folder_, machine), kMaxSize);
  if (content && with_python_) content->append(python_archive());
  return content;
}

Result<Payloads> Payloads::find(const PushOptions& options, bool with_python) {
  std::string looked_in;
  for (const std::string& folder : folders(options)) {
    Payloads found;
    found.folder_ = folder;
    found.with_python_ = with_python;
    for (const char* machine : kMachines) {
      std::error_code failed;
      if (!std::filesystem::exists(path_of(folder, machine), failed)) continue;
      const auto content = found.content(machine);
      if (!content) return tl::unexpected(content.error());
      found.all_.push_back({.machine = machine,
                            .hash = subunit::push::content_hash(as_bytes(*content)),
                            .size = content->size()});
    }
    if (!found.all_.empty()) return found;
    looked_in += (looked_in.empty() ? "" : ", ") + subunit::escaped(folder);
  }
  return error(
      "--push finds no program to bring to the test machine: there is no file serve-x86_64, "
      "serve-aarch64, serve-armhf or serve-riscv64 in {}; scripts/release builds them, and "
      "--push-from DIR says where they are",
      looked_in);
}

Result<std::string> Payloads::read(const Payload& payload) const {
  auto file = content(payload.machine);
  if (file && subunit::push::content_hash(as_bytes(*file)) != payload.hash)
    return error("{} has changed while it was to be sent",
                 subunit::escaped(path_of(folder_, payload.machine)));
  return file;
}

}  // namespace proxy
