#include "spec/docker_config_json.h"


namespace wherry::spec::docker {

WHERRY_VALUE_TYPE_MEMBERS(ContainerConfig);
WHERRY_VALUE_TYPE_MEMBERS(ContainerCreateRequest);

json::Value to_json(const HealthConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, HealthConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerCreateRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerCreateRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerCreateResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerCreateResponse& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerWaitError& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerWaitError& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerWaitResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerWaitResponse& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerTopResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerTopResponse& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerUpdateRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerUpdateRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerUpdateResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerUpdateResponse& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
