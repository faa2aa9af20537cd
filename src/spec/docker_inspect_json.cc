#include "spec/docker_inspect_json.h"


namespace wherry::spec::docker {

WHERRY_VALUE_TYPE_MEMBERS(NetworkSettings);
WHERRY_VALUE_TYPE_MEMBERS(ContainerInspect);
WHERRY_VALUE_TYPE_MEMBERS(ContainerSummary);
WHERRY_VALUE_TYPE_MEMBERS(ContainerState);

json::Value to_json(const HealthLogEntry& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, HealthLogEntry& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Health& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Health& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerState& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerState& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const DriverData& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, DriverData& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Address& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Address& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkSettings& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkSettings& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerInspect& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerInspect& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const PortSummary& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, PortSummary& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const HostConfigSummary& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, HostConfigSummary& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkSettingsSummary& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkSettingsSummary& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ContainerSummary& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ContainerSummary& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
