#include "spec/docker_host_config_json.h"


namespace wherry::spec::docker {

WHERRY_VALUE_TYPE_MEMBERS(Resources);
WHERRY_VALUE_TYPE_MEMBERS(HostConfig);
WHERRY_VALUE_TYPE_MEMBERS(DeviceRequest);

json::Value to_json(const LogConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, LogConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const PortBinding& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, PortBinding& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const RestartPolicy& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, RestartPolicy& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const WeightDevice& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, WeightDevice& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ThrottleDevice& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ThrottleDevice& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const DeviceMapping& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, DeviceMapping& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const DeviceRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, DeviceRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Ulimit& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Ulimit& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Resources& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Resources& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const HostConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, HostConfig& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
