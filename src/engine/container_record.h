// The record of one container: what create decided and no run changes (but rename, the
// name). One JSON document in the container's row, beside its State.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/id.h"
#include "spec/docker_container.h"
#include "spec/docker_mount.h"
#include "spec/docker_network.h"
#include "spec/json.h"

namespace wherry::engine {

// A bind, a tmpfs or an anonymous volume, resolved at create.
struct ContainerMount {
  spec::docker::MountPoint point;      // as inspect shows it
  std::vector<std::string> options;    // OCI mount options
  bool create_source = false;          // -v: make a missing host directory, as docker does
  bool copy_up = false;                // fill it from the image at the first start
  bool in_host_config_tmpfs = false;   // --tmpfs is not listed in inspect's Mounts
};

struct ContainerRecord {
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

namespace wherry::json {

template <>
struct Describe<engine::ContainerMount> {
  using T = engine::ContainerMount;
  static constexpr auto fields =
      std::tuple{field("point", &T::point), field("options", &T::options),
                 omit_empty("create_source", &T::create_source),
                 omit_empty("copy_up", &T::copy_up),
                 omit_empty("in_host_config_tmpfs", &T::in_host_config_tmpfs)};
};

template <>
struct Describe<engine::ContainerRecord> {
  using T = engine::ContainerRecord;
  // id and name are columns of the row.
  static constexpr auto fields = std::tuple{
      field("created", &T::created),     field("image_id", &T::image_id),
      field("driver", &T::driver),       field("platform", &T::platform),
      field("path", &T::path),           field("args", &T::args),
      field("config", &T::config),       field("host_config", &T::host_config),
      omit_empty("endpoints", &T::endpoints), omit_empty("mounts", &T::mounts)};
};

}  // namespace wherry::json
