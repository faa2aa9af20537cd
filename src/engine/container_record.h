// The record of one container: what create decided and no run changes (but rename, the name,
// and network connect and disconnect, the endpoints). One JSON document in the container's row, beside its State.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/value_type.h"
#include "spec/docker_container.h"
#include "spec/docker_mount.h"
#include "spec/docker_network.h"

namespace wherry::engine {

// A bind, a tmpfs or a volume, resolved at create.
struct ContainerMount {
  WHERRY_VALUE_TYPE(ContainerMount);

  spec::docker::MountPoint point;      // as inspect shows it
  std::vector<std::string> options;    // OCI mount options
  bool create_source = false;          // -v: make a missing host directory, as docker does
  bool copy_up = false;                // fill an empty volume from the image
  bool anonymous = false;              // a volume that goes with the container: rm -v, --rm
  std::string subpath;                 // what of the volume or image is mounted
  std::string id_map;                  // of a bind: "owner" or ranges (sys/id_map.h)
  std::string image_id;                // type=image: what is mounted, read-only
  std::string image_tree;              // the snapshot that shows it, of this container alone
  bool in_host_config_tmpfs = false;   // --tmpfs is not listed in inspect's Mounts
  // For the making of the volume only: not kept.
  spec::docker::StringMap volume_options;
  spec::docker::StringMap volume_labels;
};

struct ContainerRecord {
  WHERRY_VALUE_TYPE(ContainerRecord);

  ContainerId id;
  std::string name;        // without the slash
  std::string created;     // RFC 3339
  std::string image_id;    // "sha256:..."
  std::string driver;      // of the snapshot
  std::string platform = "linux";
  std::string path;        // the program, and its arguments
  std::vector<std::string> args;
  spec::docker::ContainerConfig config;   // merged with the image's
  spec::docker::HostConfig host_config;   // as sent, defaults filled in
  spec::docker::EndpointMap endpoints;    // what was asked for
  std::vector<ContainerMount> mounts;
};

}  // namespace wherry::engine
