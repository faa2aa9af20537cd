#include "spec/docker_system_json.h"
#include "spec/docker_info_fields.h"


namespace wherry::spec::docker {

WHERRY_VALUE_TYPE_MEMBERS(Info);
WHERRY_VALUE_TYPE_MEMBERS(Version);

json::Value to_json(const AuthConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, AuthConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const AuthResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, AuthResponse& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const VersionPlatform& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, VersionPlatform& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ComponentVersion& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ComponentVersion& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Version& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Version& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const PluginsInfo& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, PluginsInfo& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const IndexInfo& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, IndexInfo& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const RegistryConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, RegistryConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const RuntimeInfo& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, RuntimeInfo& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const SwarmInfo& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, SwarmInfo& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Commit& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Commit& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const AddressPool& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, AddressPool& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const FirewallInfo& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, FirewallInfo& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Info& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Info& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
