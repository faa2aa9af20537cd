// The member tables of docker_event.h. Only docker_event_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_event.h"
#include "spec/docker_common_json.h"
#include "spec/json.h"

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
