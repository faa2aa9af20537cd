// docker's Mount (--mount, HostConfig.Mounts) and MountPoint (what inspect reports).
#pragma once

#include "base/value_type.h"
#include "spec/docker_common.h"

namespace wherry::spec::docker {

struct BindOptions {
  std::string propagation;  // "", private, rprivate, shared, rshared, slave, rslave
  bool non_recursive = false;
  bool create_mountpoint = false;
  bool read_only_non_recursive = false;
  bool read_only_force_recursive = false;
  std::string id_map;  // wherry's own: "owner", or as sys/id_map.h has it
};

struct VolumeDriverConfig {
  std::string name;
  StringMap options;
};

struct VolumeOptions {
  bool no_copy = false;
  StringMap labels;
  std::string subpath;
  std::optional<VolumeDriverConfig> driver_config;
};

struct ImageOptions {
  std::string subpath;
};

struct TmpfsOptions {
  std::int64_t size_bytes = 0;
  std::uint32_t mode = 0;  // permission bits
  std::optional<std::vector<std::vector<std::string>>> options;
};

struct Mount {
  WHERRY_VALUE_TYPE(Mount);

  std::string type;  // bind, volume, tmpfs, npipe, cluster, image
  std::string source;
  std::string target;
  bool read_only = false;
  std::string consistency;
  std::optional<BindOptions> bind_options;
  std::optional<VolumeOptions> volume_options;
  std::optional<ImageOptions> image_options;
  std::optional<TmpfsOptions> tmpfs_options;
  std::optional<Nothing> cluster_options;
};

struct MountPoint {
  std::string type;
  std::string name;
  std::string source;
  std::string destination;
  std::string driver;
  std::string mode;
  bool rw = false;
  std::string propagation;
};

// Bodies in docker_mount_json.cc.
json::Value to_json(const BindOptions& source);
Result<> from_json(const json::Value& value, BindOptions& target);
json::Value to_json(const VolumeDriverConfig& source);
Result<> from_json(const json::Value& value, VolumeDriverConfig& target);
json::Value to_json(const VolumeOptions& source);
Result<> from_json(const json::Value& value, VolumeOptions& target);
json::Value to_json(const ImageOptions& source);
Result<> from_json(const json::Value& value, ImageOptions& target);
json::Value to_json(const TmpfsOptions& source);
Result<> from_json(const json::Value& value, TmpfsOptions& target);
json::Value to_json(const Mount& source);
Result<> from_json(const json::Value& value, Mount& target);
json::Value to_json(const MountPoint& source);
Result<> from_json(const json::Value& value, MountPoint& target);

}  // namespace wherry::spec::docker
