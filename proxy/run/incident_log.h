#pragma once

#include "proxy/posix/log.h"
#include "proxy/run/incident.h"

namespace proxy {

/// What the log of a run says of an incident: a warning for what is lost or wrong, nothing for a
/// slow test, which is not.
void log_incident(const Incident& incident, const Log& log);

}  // namespace proxy
