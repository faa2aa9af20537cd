#include "spec/docker_common_json.h"


namespace wherry::spec::docker {

json::Value to_json(const ErrorResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ErrorResponse& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const IdResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, IdResponse& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
