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

}  // namespace wherry::spec::docker

namespace wherry::json {

template <>
struct Describe<spec::docker::EventActor> {
  using T = spec::docker::EventActor;
  static constexpr auto fields =
      std::tuple{field("ID", &T::id), field("Attributes", &T::attributes)};
};

template <>
struct Describe<spec::docker::EventMessage> {
  using T = spec::docker::EventMessage;
  static constexpr auto fields =
      std::tuple{omit_empty("status", &T::status),
                 omit_empty("id", &T::id),
                 omit_empty("from", &T::from),
                 field("Type", &T::type),
                 field("Action", &T::action),
                 field("Actor", &T::actor),
                 omit_empty("scope", &T::scope),
                 omit_empty("time", &T::time),
                 omit_empty("timeNano", &T::time_nano)};
};

}  // namespace wherry::json
