#include "spec/docker_mount_json.h"


namespace wherry::spec::docker {

WHERRY_VALUE_TYPE_MEMBERS(Mount);

json::Value to_json(const BindOptions& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, BindOptions& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const VolumeDriverConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, VolumeDriverConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const VolumeOptions& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, VolumeOptions& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ImageOptions& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ImageOptions& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const TmpfsOptions& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, TmpfsOptions& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const Mount& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, Mount& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const MountPoint& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, MountPoint& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
