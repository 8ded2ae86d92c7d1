#include "proxy/run/incident_log.h"

namespace proxy {

void log_incident(const Incident& incident, const Log& log) {
  const std::string who = incident.worker ? fmt::format("worker-{}: ", *incident.worker) : "";
  switch (incident.kind) {
    case Incident::Kind::kAttached:
      return log.info("{}{}", who,
                      incident.text.empty() ? "a test server is there" : incident.text);
    case Incident::Kind::kGone:
      return log.warning("{}{}", who,
                         incident.text.empty() ? "the test server is lost" : incident.text);
    case Incident::Kind::kTrouble:
      return log.warning("{}{}", who, incident.text);
    case Incident::Kind::kSlow:
      return;
  }
}

}  // namespace proxy
