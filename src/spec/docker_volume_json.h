// The member tables of docker_volume.h. Only docker_volume_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_common_json.h"
#include "spec/docker_volume.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::VolumeUsageData> {
  using T = spec::docker::VolumeUsageData;
  static constexpr auto fields =
      std::tuple{field("RefCount", &T::ref_count), field("Size", &T::size)};
};

template <>
struct Describe<spec::docker::Volume> {
  using T = spec::docker::Volume;
  static constexpr auto fields =
      std::tuple{omit_empty("CreatedAt", &T::created_at),
                 field("Driver", &T::driver),
                 field("Labels", &T::labels),
                 field("Mountpoint", &T::mountpoint),
                 field("Name", &T::name),
                 field("Options", &T::options),
                 field("Scope", &T::scope),
                 omit_empty("UsageData", &T::usage_data)};
};

template <>
struct Describe<spec::docker::VolumeListResponse> {
  using T = spec::docker::VolumeListResponse;
  static constexpr auto fields =
      std::tuple{field("Volumes", &T::volumes), field("Warnings", &T::warnings)};
};

template <>
struct Describe<spec::docker::VolumeCreateRequest> {
  using T = spec::docker::VolumeCreateRequest;
  static constexpr auto fields =
      std::tuple{omit_empty("Name", &T::name), omit_empty("Driver", &T::driver),
                 omit_empty("DriverOpts", &T::driver_opts), omit_empty("Labels", &T::labels),
                 omit_empty("ClusterVolumeSpec", &T::cluster_volume_spec)};
};

template <>
struct Describe<spec::docker::VolumePruneResponse> {
  using T = spec::docker::VolumePruneResponse;
  static constexpr auto fields = std::tuple{field("VolumesDeleted", &T::volumes_deleted),
                                            field("SpaceReclaimed", &T::space_reclaimed)};
};

}  // namespace wherry::json
