#include "spec/docker_event_json.h"


namespace wherry::spec::docker {

json::Value to_json(const EventActor& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, EventActor& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const EventMessage& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, EventMessage& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
