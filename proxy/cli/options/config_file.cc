#define TOML_ENABLE_FORMATTERS 0
#include "proxy/cli/options/config_file.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/text.h"
#include "proxy/cli/options/option_set.h"
#include "proxy/posix/folder.h"
#include "proxy/posix/read_file.h"

namespace proxy {

using subunit::escaped;

namespace {

constexpr std::size_t kMaxFile = 1 << 20;

class Reader {
 public:
  Reader(ConfigFile& file, std::string name) : file_(file), name_(std::move(name)) {}

  void read(const toml::table& root, const std::optional<std::string>& profile) {
    add_all(root, "");
    const toml::table* const profiles = root["profile"].as_table();
    if (!profile) return;
    const toml::table* const chosen = profiles ? (*profiles)[*profile].as_table() : nullptr;
    if (!chosen) {
      throw UsageError(fmt::format("--profile {}: {} has no table [profile.{}]{}",
                                   escaped(*profile), name_, escaped(*profile), others(profiles)));
    }
    add_all(*chosen, fmt::format(" [profile.{}]", *profile));
  }

 private:
  [[nodiscard]] std::string at(const toml::node& node) const {
    return fmt::format("{}:{}", name_, node.source().begin.line);
  }

  static std::string others(const toml::table* profiles) {
    std::string names;
    if (profiles)
      for (const auto& [name, node] : *profiles)
        names += (names.empty() ? "; it has " : ", ") + escaped(name.str());
    return names;
  }

  void add_all(const toml::table& table, const std::string& profile) {
    const bool is_top = profile.empty();
    for (const auto& [key, node] : table) {
      if (is_top && key.str() == "profile") {
        if (!node.is_table())
          throw UsageError(at(node) + ": \"profile\" is not a table; write [profile.NAME]");
        continue;
      }
      add(std::string(key.str()), node, profile);
    }
  }

  void add(const std::string& key, const toml::node& node, const std::string& profile) {
    ConfigSetting setting{.option = (key.size() == 1 ? "-" : "--") + key,
                          .values = {},
                          .is_flag = false,
                          .origin = at(node) + profile};
    std::erase_if(file_.settings, [&setting](const ConfigSetting& other) {
      return other.option == setting.option;
    });
    if (const auto* const flag = node.as_boolean()) {
      if (!flag->get()) return;
      setting.is_flag = true;
      setting.values.emplace_back();
    } else if (const auto* const array = node.as_array()) {
      for (const toml::node& element : *array) setting.values.push_back(text_of(key, element));
      if (setting.values.empty()) return;
    } else {
      setting.values.push_back(text_of(key, node));
    }
    file_.settings.push_back(std::move(setting));
  }

  [[nodiscard]] std::string text_of(const std::string& key, const toml::node& node) const {
    if (const auto* const text = node.as_string()) return text->get();
    if (const auto* const number = node.as_integer()) return fmt::format("{}", number->get());
    if (const auto* const number = node.as_floating_point())
      return fmt::format("{}", number->get());
    throw UsageError(fmt::format(
        "{}: the value of \"{}\" is not a text, a number, true or false, nor an array of texts or "
        "numbers",
        at(node), escaped(key)));
  }

  ConfigFile& file_;
  std::string name_;
};

void check(const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode))
    throw UsageError(fmt::format("{} is not a file; --no-config leaves it alone", escaped(path)));
  const bool is_ours = status.st_uid == ::geteuid() || status.st_uid == 0;
  const bool is_private = (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
                          ((status.st_mode & S_IWOTH) == 0 && status.st_gid == ::getegid());
  if (is_ours && is_private) return;
  throw UsageError(fmt::format(
      "refusing to use {}, which names commands to start: {}; to use it all the same, name it with "
      "--config, or leave it with --no-config",
      escaped(path), is_ours ? "others may write it" : "it belongs to another user"));
}

}  // namespace

std::optional<std::string> find_config_file() {
  std::string folder = absolute_path(".");
  if (folder.ends_with("/.")) folder.resize(folder.size() - 2);
  for (;;) {
    const std::string path = folder + "/" + kConfigFileName;
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
      if (::stat(path.c_str(), &status) != 0)
        throw UsageError(
            fmt::format("cannot read the configuration \"{}\": {}; --no-config leaves "
                        "it alone",
                        escaped(path), std::strerror(errno)));
      check(path, status);
      return path;
    }
    if (folder.empty()) return std::nullopt;
    folder.resize(folder.rfind('/'));
  }
}

ConfigFile read_config_file(const std::string& path, const std::optional<std::string>& profile) {
  const auto text = read_file("the configuration", path, kMaxFile);
  if (!text) throw UsageError(text.error().text);
  const std::string whole = absolute_path(path);
  ConfigFile file{.path = path, .folder = whole.substr(0, whole.rfind('/')), .settings = {}};
  try {
    const toml::table root = toml::parse(*text);
    Reader(file, escaped(path)).read(root, profile);
  } catch (const toml::parse_error& error) {
    throw UsageError(fmt::format("{}:{}:{}: {}", escaped(path), error.source().begin.line,
                                 error.source().begin.column, escaped(error.description())));
  }
  return file;
}

}  // namespace proxy
