#include "common/run/remote/route_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace subunit::run {

WorkerNumber WorkerNumbers::take(std::string_view route) {
  WorkerNumber number = 0;
  const char* const end = route.data() + route.size();
  const auto [rest, failure] = std::from_chars(route.data(), end, number);
  const bool is_number = !route.empty() && failure == std::errc() && rest == end;
  if (channels_ == 1 && is_number && taken_.insert(number).second) return number;
  while (!taken_.insert(next_).second) ++next_;
  return next_;
}

Worker* RouteTable::find(std::string_view route) {
  if (last_ && last_->route == route) return last_;
  const auto found = by_route_.find(route);
  if (found == by_route_.end()) return nullptr;
  return last_ = found->second;
}

RouteTable::Origin RouteTable::origin_of(const Packet& packet) {
  std::string_view code = packet.route_code.value_or("");
  std::optional<std::string_view> rest = packet.route_code;
  if (!routed_) return {find(""), rest};
  rest.reset();
  for (;;) {
    if (Worker* worker = find(code)) return {worker, rest};
    const std::size_t slash = code.rfind('/');
    if (slash == std::string_view::npos) return {nullptr, packet.route_code};
    rest = packet.route_code->substr(slash + 1);
    code = code.substr(0, slash);
  }
}

Worker& RouteTable::add(std::string route) {
  const WorkerNumber number = numbers_.take(route);
  Worker& worker = workers_.emplace_back(servers_, std::move(route), number);
  by_route_.emplace(worker.route, &worker);
  return worker;
}

void RouteTable::remove(const Worker& worker) {
  last_ = nullptr;
  by_route_.erase(worker.route);
  workers_.remove_if([&worker](const Worker& each) { return &each == &worker; });
}

std::string RouteTable::join(std::string_view from, std::string_view route) {
  if (from.empty()) return std::string(route);
  return route.empty() ? std::string(from) : fmt::format("{}/{}", from, route);
}

RouteTable::Place RouteTable::split(std::string_view route) {
  const std::size_t slash = route.rfind('/');
  if (slash == std::string_view::npos) return {"", route};
  return {route.substr(0, slash), route.substr(slash + 1)};
}

bool RouteTable::leads_to(std::string_view route, std::string_view to) {
  return route == to || (route.starts_with(to) && route.substr(to.size()).starts_with('/'));
}

}  // namespace subunit::run
