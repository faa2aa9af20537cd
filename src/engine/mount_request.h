// -v, --mount, --tmpfs, --volumes-from and image VOLUMEs -> the mounts of a container.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/container_record.h"
#include "spec/docker_config.h"

namespace wherry::engine {

struct MountSources {
  const spec::docker::HostConfig& host_config;
  const spec::docker::StringSet& volumes;       // Config.Volumes: `-v /x` and the image's
  const std::vector<ContainerMount>& inherited; // --volumes-from
};

// What the request and the image ask for, in the order --volumes-from, HostConfig.Binds, Mounts,
// Tmpfs, Config.Volumes; two of the middle three for one destination are InvalidArgument
// "Duplicate mount point: /x", an inherited mount and a VOLUME give way. Volumes have a name
// and no source yet: make_volumes() gives it.
Result<std::vector<ContainerMount>> resolve_mounts(const MountSources& sources);

// One HostConfig.Binds entry: "source:target[:options]", "name:target[:options]" or "target".
// `volume_driver` is HostConfig.VolumeDriver.
Result<ContainerMount> parse_bind(const std::string& text, const std::string& volume_driver);

// One HostConfig.VolumesFrom entry: "container[:mode]".
struct VolumesFrom {
  std::string container;
  bool read_only = false;
};
Result<VolumesFrom> parse_volumes_from(const std::string& text);
// That container's mounts as the new one has them.
std::vector<ContainerMount> inherit_mounts(const std::vector<ContainerMount>& mounts, const VolumesFrom& from);

}  // namespace wherry::engine
