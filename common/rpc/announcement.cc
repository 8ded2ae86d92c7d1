#include "common/rpc/announcement.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/escape.h"
#include "common/base/utf8.h"
#include "common/rpc/json_fields.h"

namespace subunit {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kNames[] = {
    "msg",    "proxy", "max",    "min",     "listening", "expected", "respawn",  "route", "pid",
    "reason", "exit",  "signal", "address", "text",      "token",    "interval", "lease"};

double seconds(Time time) {
  return std::chrono::duration<double>(time).count();
}

template <typename T>
void add(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

struct Writer {
  Json operator()(const Ready& ready) const {
    Json json{{"msg", "Ready"},
              {"proxy", ready.proxy},
              {"max", ready.versions.max},
              {"min", ready.versions.min}};
    add(json, "listening", ready.listening);
    add(json, "expected", ready.expected);
    return json;
  }

  Json operator()(const Attached& attached) const {
    Json json{{"msg", "Attached"}};
    add(json, "route", attached.route);
    json["address"] = attached.address;
    add(json, "pid", attached.pid);
    return json;
  }

  Json operator()(const Detached& detached) const {
    Json json{{"msg", "Detached"}};
    add(json, "route", detached.route);
    json["reason"] = detached.reason;
    add(json, "exit", detached.exit);
    add(json, "signal", detached.signal);
    return json;
  }

  Json operator()(const Refused& refused) const {
    Json json{{"msg", "Refused"}, {"text", refused.text}};
    add(json, "respawn", refused.respawn);
    return json;
  }

  Json operator()(const Attach& attach) const {
    return {{"msg", "Attach"}, {"token", attach.token}};
  }

  Json operator()(const Watch& watch) const {
    return {
        {"msg", "Watch"}, {"interval", seconds(watch.interval)}, {"lease", seconds(watch.lease)}};
  }

  Json operator()(const Alive& alive) const {
    // A byte of a test id takes up to six in JSON; what is left is for the other fields.
    const std::size_t count = std::max<std::size_t>(alive.servers.size(), 1);
    const std::size_t most = std::min(kMaxAliveTest, kMaxAliveSize / 8 / count);
    Json servers = Json::array();
    for (const Alive::Server& server : alive.servers) {
      Json json = Json::object();
      add(json, "route", server.route);
      if (server.test) json["test"] = shortened(*server.test, most);
      json["for"] = seconds(server.lasting);
      if (server.cpu) json["cpu"] = seconds(*server.cpu);
      servers.push_back(std::move(json));
    }
    return {{"msg", "Alive"}, {"servers", std::move(servers)}};
  }

  Json operator()(const Respawn& respawn) const {
    Json json{{"msg", "Respawn"}};
    add(json, "route", respawn.route);
    if (respawn.reason) json["reason"] = shortened(*respawn.reason, kMaxRespawnReason);
    return json;
  }
};

std::optional<Time> time_of(const nlohmann::json& json) {
  if (!json.is_number()) return std::nullopt;
  return from_seconds(json.get<double>());
}

std::optional<std::string> text_of(const nlohmann::json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || !field->is_string()) return std::nullopt;
  return field->get<std::string>();
}

/// The only message with objects in a list. What is mistyped in one of them is left out: all of it
/// is for people.
Result<Announcement> parse_alive(std::string_view json) {
  if (json.size() > kMaxAliveSize) {
    return error("an Alive message has {} bytes, at most {} are allowed", json.size(),
                 kMaxAliveSize);
  }
  const auto object = nlohmann::json::parse(json, nullptr, false);
  const auto servers = object.find("servers");
  const auto is_object = [](const nlohmann::json& each) { return each.is_object(); };
  if (servers == object.end() || !servers->is_array() || !std::ranges::all_of(*servers, is_object))
    return error("cannot understand the message {}: \"servers\" is no list of objects",
                 escaped(json));
  Alive alive;
  for (const nlohmann::json& each : *servers) {
    Alive::Server server{text_of(each, "route"), text_of(each, "test"), {}, {}};
    if (each.contains("for")) server.lasting = time_of(each["for"]).value_or(Time(0));
    if (each.contains("cpu")) server.cpu = time_of(each["cpu"]);
    alive.servers.push_back(std::move(server));
  }
  return alive;
}

}  // namespace

std::string to_json(const Announcement& announcement) {
  return std::visit(Writer{}, announcement).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Announcement> parse_announcement(std::string_view json) {
  JsonFields fields(json, kNames);
  const std::string msg = fields.text("msg");
  if (msg == "Ready")
    return fields.result<Announcement>(Ready{fields.text("proxy"), fields.versions(),
                                             fields.optional_text("listening"),
                                             fields.optional_integer("expected")});
  if (msg == "Attached")
    return fields.result<Announcement>(Attached{
        fields.optional_text("route"), fields.text("address"), fields.optional_integer("pid")});
  if (msg == "Detached")
    return fields.result<Announcement>(
        Detached{fields.optional_text("route"), fields.text("reason"),
                 fields.optional_integer("exit"), fields.optional_integer("signal")});
  if (msg == "Refused")
    return fields.result<Announcement>(
        Refused{fields.text("text"), fields.optional_text("respawn")});
  if (msg == "Attach") return fields.result<Announcement>(Attach{fields.text("token")});
  if (msg == "Watch")
    return fields.result<Announcement>(Watch{fields.time("interval"), fields.time("lease")});
  if (msg == "Respawn") {
    return fields.result<Announcement>(
        Respawn{fields.optional_text("route"), fields.optional_text("reason")});
  }
  if (msg == "Alive") {
    const auto sound = fields.result(true);
    return sound ? parse_alive(json) : tl::unexpected(sound.error());
  }
  return fields.unknown(msg, "Ready, Attached, Detached, Refused, Attach, Watch, Alive or Respawn");
}

}  // namespace subunit
