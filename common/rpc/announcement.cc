#include "common/rpc/announcement.h"

#include <nlohmann/json.hpp>

#include "common/rpc/json_fields.h"

namespace subunit {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kNames[] = {"msg",     "proxy", "max",    "min",  "listening",
                                       "route",   "pid",   "reason", "exit", "signal",
                                       "address", "text",  "token"};

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
    return {{"msg", "Refused"}, {"text", refused.text}};
  }

  Json operator()(const Attach& attach) const {
    return {{"msg", "Attach"}, {"token", attach.token}};
  }
};

}  // namespace

std::string to_json(const Announcement& announcement) {
  return std::visit(Writer{}, announcement).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Announcement> parse_announcement(std::string_view json) {
  JsonFields fields(json, kNames);
  const std::string msg = fields.text("msg");
  if (msg == "Ready")
    return fields.result<Announcement>(
        Ready{fields.text("proxy"), fields.versions(), fields.optional_text("listening")});
  if (msg == "Attached")
    return fields.result<Announcement>(Attached{
        fields.optional_text("route"), fields.text("address"), fields.optional_integer("pid")});
  if (msg == "Detached")
    return fields.result<Announcement>(
        Detached{fields.optional_text("route"), fields.text("reason"),
                 fields.optional_integer("exit"), fields.optional_integer("signal")});
  if (msg == "Refused") return fields.result<Announcement>(Refused{fields.text("text")});
  if (msg == "Attach") return fields.result<Announcement>(Attach{fields.text("token")});
  return fields.unknown(msg, "Ready, Attached, Detached, Refused or Attach");
}

}  // namespace subunit
