// One line of GET /events.
#pragma once

#include "spec/docker_common.h"

namespace wherry::spec::docker {

struct EventActor {
  std::string id;
  std::map<std::string, std::string> attributes;
};

// status, id and from repeat the rest for old clients: all three for container events, the
// first two for image events, none for others. docker served them until API 1.52.
struct EventMessage {
  std::string status;
  std::string id;
  std::string from;
  std::string type;    // container, image, network, volume, daemon
  std::string action;  // create, start, die, "exec_create: sh", ...
  EventActor actor;
  std::string scope = "local";
  std::int64_t time = 0;       // Unix seconds
  std::int64_t time_nano = 0;  // Unix nanoseconds
};

// Bodies in docker_event_json.cc.
json::Value to_json(const EventActor& source);
Result<> from_json(const json::Value& value, EventActor& target);
json::Value to_json(const EventMessage& source);
Result<> from_json(const json::Value& value, EventMessage& target);

}  // namespace wherry::spec::docker
