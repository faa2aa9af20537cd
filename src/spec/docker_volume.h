// Volumes in docker's API: /volumes and the Volumes of /system/df.
#pragma once

#include "spec/docker_common.h"

namespace wherry::spec::docker {

// Only /system/df fills it in.
struct VolumeUsageData {
  std::int64_t ref_count = -1;
  std::int64_t size = -1;  // bytes
};

struct Volume {
  std::string created_at;  // RFC 3339, seconds
  std::string driver;
  StringMap labels;
  std::string mountpoint;
  std::string name;
  StringMap options;
  std::string scope = "local";
  std::optional<VolumeUsageData> usage_data;
};

struct VolumeListResponse {
  std::vector<Volume> volumes;
  Strings warnings;
};

struct VolumeCreateRequest {
  std::string name;
  std::string driver;
  StringMap driver_opts;
  StringMap labels;
  std::optional<Nothing> cluster_volume_spec;
};

struct VolumePruneResponse {
  Strings volumes_deleted;
  std::uint64_t space_reclaimed = 0;
};

// Bodies in docker_volume_json.cc.
json::Value to_json(const VolumeUsageData& source);
Result<> from_json(const json::Value& value, VolumeUsageData& target);
json::Value to_json(const Volume& source);
Result<> from_json(const json::Value& value, Volume& target);
json::Value to_json(const VolumeListResponse& source);
Result<> from_json(const json::Value& value, VolumeListResponse& target);
json::Value to_json(const VolumeCreateRequest& source);
Result<> from_json(const json::Value& value, VolumeCreateRequest& target);
json::Value to_json(const VolumePruneResponse& source);
Result<> from_json(const json::Value& value, VolumePruneResponse& target);

}  // namespace wherry::spec::docker
