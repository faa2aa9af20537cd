#include "spec/docker_image_json.h"


namespace wherry::spec::docker {

WHERRY_VALUE_TYPE_MEMBERS(ImageConfig);
WHERRY_VALUE_TYPE_MEMBERS(ImageInspect);
WHERRY_VALUE_TYPE_MEMBERS(ImageSummary);

json::Value to_json(const ImageConfig& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ImageConfig& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ImageRootFs& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ImageRootFs& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ImageMetadata& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ImageMetadata& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ImageInspect& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ImageInspect& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ImageSummary& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ImageSummary& target) {
  return json::assign_object(value, target);
}

json::Value to_json(const ImageDeleteResponse& source) { return json::object_of(source); }
Result<> from_json(const json::Value& value, ImageDeleteResponse& target) {
  return json::assign_object(value, target);
}

}  // namespace wherry::spec::docker
