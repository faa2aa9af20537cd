#include "spec/docker_volume_json.h"

namespace wherry::spec::docker {

json::Value to_json(const VolumeUsageData& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, VolumeUsageData& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Volume& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Volume& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const VolumeListResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, VolumeListResponse& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const VolumeCreateRequest& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, VolumeCreateRequest& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const VolumePruneResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, VolumePruneResponse& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
