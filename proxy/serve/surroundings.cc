#include "proxy/serve/surroundings.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "common/base/text.h"
#include "proxy/posix/folder.h"

namespace proxy {

using subunit::error;
using subunit::escaped;
using subunit::Result;

namespace {

std::string absolute(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> here(::get_current_dir_name(), &std::free);
  return path.starts_with('/') || !here ? path : std::string(here.get()) + "/" + path;
}

Result<> activate(const std::string& venv) {
  const std::string root = absolute(venv);
  const std::string programs = root + "/bin";
  if (::access((programs + "/python3").c_str(), X_OK) != 0)
    return error("--venv {}: there is no bin/python3 in it: {}", escaped(venv),
                 std::strerror(errno));
  const char* const path = std::getenv("PATH");
  ::setenv("VIRTUAL_ENV", root.c_str(), 1);
  ::setenv("PATH", (programs + ":" + (path ? path : "/usr/bin:/bin")).c_str(), 1);
  ::unsetenv("PYTHONHOME");
  return {};
}

void offer_package() {
  const char* const paths = std::getenv("PYTHONPATH");
  std::string all = own_path();
  if (paths && *paths) all += std::string(":") + paths;
  ::setenv("PYTHONPATH", all.c_str(), 1);
}

}  // namespace

Result<> Surroundings::enter() const {
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (folder && ::chdir(folder->c_str()) != 0)
    return error("cannot change to the folder \"{}\" (--chdir): {}", escaped(*folder),
                 std::strerror(errno));
  if (python_within) offer_package();
  return venv ? activate(*venv) : Result<>();
}

}  // namespace proxy
