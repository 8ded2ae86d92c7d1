#include "common/rpc/announcement.h"

#include <algorithm>

#include "common/base/json.h"
#include "common/base/text.h"
#include "common/rpc/json_fields.h"

namespace subunit::rpc {
namespace {

constexpr std::string_view kNames[] = {"msg",      "proxy",   "max",     "min",  "listening",
                                       "expected", "respawn", "route",   "pid",  "reason",
                                       "exit",     "signal",  "address", "text", "token",
                                       "interval", "lease",   "revision"};

double seconds(Time time) {
  return std::chrono::duration<double>(time).count();
}

JsonObject named(std::string_view msg) {
  return JsonObject().add("msg", msg);
}

struct Writer {
  JsonObject operator()(const Ready& ready) const {
    return named("Ready")
        .add("proxy", ready.proxy)
        .add("max", ready.versions.max)
        .add("min", ready.versions.min)
        .add("listening", ready.listening)
        .add("expected", ready.expected)
        .add("revision", ready.revision);
  }

  JsonObject operator()(const Attached& attached) const {
    return named("Attached")
        .add("route", attached.route)
        .add("address", attached.address)
        .add("pid", attached.pid);
  }

  JsonObject operator()(const Detached& detached) const {
    return named("Detached")
        .add("route", detached.route)
        .add("reason", detached.reason)
        .add("exit", detached.exit)
        .add("signal", detached.signal);
  }

  JsonObject operator()(const Refused& refused) const {
    return named("Refused").add("text", refused.text).add("respawn", refused.respawn);
  }

  JsonObject operator()(const Attach& attach) const {
    return named("Attach").add("token", attach.token);
  }

  JsonObject operator()(const Watch& watch) const {
    return named("Watch")
        .add("interval", seconds(watch.interval))
        .add("lease", seconds(watch.lease));
  }

  JsonObject operator()(const Alive& alive) const {
    // A byte of a test id takes up to six in JSON; what is left is for the other fields.
    const std::size_t count = std::max<std::size_t>(alive.servers.size(), 1);
    const std::size_t most = std::min(kMaxAliveTest, kMaxAliveSize / 8 / count);
    std::vector<JsonObject> servers;
    servers.reserve(alive.servers.size());
    for (const Alive::Server& server : alive.servers) {
      JsonObject& json = servers.emplace_back();
      json.add("route", server.route);
      if (server.test) json.add("test", shortened(*server.test, most));
      json.add("for", seconds(server.lasting));
      if (server.cpu) json.add("cpu", seconds(*server.cpu));
    }
    return named("Alive").add("servers", servers);
  }

  JsonObject operator()(const Respawn& respawn) const {
    JsonObject json = named("Respawn").add("route", respawn.route);
    if (respawn.reason) json.add("reason", shortened(*respawn.reason, kMaxRespawnReason));
    return json;
  }
};

std::optional<Time> time_of(const JsonValue& object, std::string_view name) {
  const JsonValue* field = object.find(name);
  const auto number = field ? field->number() : std::nullopt;
  return number ? from_seconds(*number) : std::nullopt;
}

std::optional<std::string> text_of(const JsonValue& object, std::string_view name) {
  const JsonValue* field = object.find(name);
  const auto* text = field ? field->get<std::string>() : nullptr;
  return text ? std::optional(*text) : std::nullopt;
}

/// The only message with objects in a list. What is mistyped in one of them is left out: all of it
/// is for people.
Result<Announcement> parse_alive(std::string_view json) {
  if (json.size() > kMaxAliveSize) {
    return error("an Alive message has {} bytes, at most {} are allowed", json.size(),
                 kMaxAliveSize);
  }
  const auto object = parse_json(json);
  const JsonValue* field = object ? object->find("servers") : nullptr;
  const auto* servers = field ? field->get<JsonValue::List>() : nullptr;
  const auto is_object = [](const JsonValue& each) { return each.get<JsonValue::Object>(); };
  if (!servers || !std::ranges::all_of(*servers, is_object))
    return error("cannot understand the message {}: \"servers\" is not a list of objects",
                 escaped(json));
  Alive alive;
  for (const JsonValue& each : *servers) {
    alive.servers.push_back({.route = text_of(each, "route"),
                             .test = text_of(each, "test"),
                             .lasting = time_of(each, "for").value_or(Time(0)),
                             .cpu = time_of(each, "cpu")});
  }
  return alive;
}

}  // namespace

std::string to_json(const Announcement& announcement) {
  return std::visit(Writer{}, announcement).text();
}

Result<Announcement> parse_announcement(std::string_view json) {
  JsonFields fields(json, kNames);
  const std::string msg = fields.text("msg");
  if (msg == "Ready")
    return fields.result<Announcement>(
        Ready{fields.text("proxy"), fields.versions(), fields.optional_text("listening"),
              fields.optional_integer("expected"), fields.optional_text("revision")});
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

}  // namespace subunit::rpc
