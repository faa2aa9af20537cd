// -v, --mount and --tmpfs -> the mounts of a container.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/container_record.h"
#include "spec/docker_config.h"

namespace wherry::engine {

// What the request and the image ask for, in the order HostConfig.Binds, Mounts, Tmpfs, image
// VOLUMEs; two for one destination are InvalidArgument "Duplicate mount point: /x", but a
// VOLUME gives way. `volumes_directory` is where anonymous volumes are to live.
//
// A deliberate difference from docker: an image's VOLUME is a directory of the container's
// own, which goes when the container is removed (docker keeps it without `rm -v`).
Result<std::vector<ContainerMount>> resolve_mounts(const spec::docker::HostConfig& host_config,
                                                   const spec::docker::StringSet& image_volumes,
                                                   const std::string& volumes_directory);

// One HostConfig.Binds entry: "source:target[:options]".
Result<ContainerMount> parse_bind(const std::string& text);

}  // namespace wherry::engine
