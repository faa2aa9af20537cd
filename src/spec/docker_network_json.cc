#include "spec/docker_network_json.h"


namespace wherry::spec::docker {

WHERRY_VALUE_TYPE_MEMBERS(EndpointSettings);
WHERRY_VALUE_TYPE_MEMBERS(Network);

json::Value to_json(const EndpointIpamConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, EndpointIpamConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const EndpointSettings& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, EndpointSettings& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkingConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkingConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const IpamPool& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, IpamPool& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Ipam& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Ipam& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkEndpoint& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkEndpoint& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ConfigReference& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ConfigReference& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Network& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Network& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkCreateRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkCreateRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkCreateResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkCreateResponse& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkConnectRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkConnectRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkDisconnectRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkDisconnectRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const NetworkPruneResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, NetworkPruneResponse& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
