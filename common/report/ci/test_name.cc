#include "common/report/ci/test_name.h"

#include <algorithm>

#include "common/verdict/end_of_test.h"

namespace subunit::report {
namespace {

/// What stands before parameters, or before the name of a scenario.
std::string_view without_brackets(std::string_view id) {
  id = id.substr(0, id.find_first_of("[("));
  while (id.ends_with(' ')) id.remove_suffix(1);
  return id;
}

bool is_one_word(std::string_view text) {
  return !text.empty() && text.find_first_of(" \t\n") == std::string_view::npos;
}

/// "tests/test_net.py" as the name of a module.
std::string module_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash < dot) path = path.substr(0, dot);
  std::string name(path);
  std::ranges::replace(name, '/', '.');
  return name;
}

TestName split_node_id(std::string_view id, std::string_view path, std::size_t last) {
  std::string class_name = module_of(path);
  for (std::string_view rest = id.substr(path.size(), last - path.size()); !rest.empty();) {
    rest.remove_prefix(2);
    const std::string_view part = rest.substr(0, rest.find("::"));
    class_name.append(".").append(part);
    rest.remove_prefix(part.size());
  }
  return {std::move(class_name), std::string(id.substr(last + 2))};
}

TestName split_fixture(std::string_view id) {
  const std::size_t open = id.find(" (");
  std::string_view owner = id.substr(open + 2);
  owner.remove_suffix(1);
  return {std::string(owner), std::string(id.substr(0, open))};
}

}  // namespace

bool is_of_fixture(std::string_view id) {
  const bool is_of_suite =
      id.starts_with("SetUpTestSuite (") || id.starts_with("TearDownTestSuite (");
  return verdict::is_fixture(id) || (is_of_suite && id.ends_with(')'));
}

TestName split_id(std::string_view id) {
  if (is_of_fixture(id)) return split_fixture(id);
  const std::string_view head = without_brackets(id);
  const std::string_view path = head.substr(0, head.find("::"));
  // A name of C++ may have colons, too, but no suffix before them.
  if (path.size() < head.size() && is_one_word(path) && path.rfind('.') != std::string_view::npos)
    return split_node_id(id, path, head.rfind("::"));
  const std::size_t dot = head.rfind('.');
  if (!is_one_word(head) || dot == std::string_view::npos || dot == 0 || dot + 1 == head.size())
    return {"", std::string(id)};
  return {std::string(id.substr(0, dot)), std::string(id.substr(dot + 1))};
}

}  // namespace subunit::report
