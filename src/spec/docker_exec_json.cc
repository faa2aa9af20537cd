#include "spec/docker_exec_json.h"


namespace wherry::spec::docker {

json::Value to_json(const ExecCreateRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ExecCreateRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ExecStartRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ExecStartRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ExecProcessConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ExecProcessConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ExecInspect& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ExecInspect& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
