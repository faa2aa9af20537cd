// The member tables of docker_mount.h. Only docker_mount_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_mount.h"
#include "spec/docker_common_json.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::BindOptions> {
  using T = spec::docker::BindOptions;
  static constexpr auto fields =
      std::tuple{omit_empty("Propagation", &T::propagation),
                 omit_empty("NonRecursive", &T::non_recursive),
                 omit_empty("CreateMountpoint", &T::create_mountpoint),
                 omit_empty("ReadOnlyNonRecursive", &T::read_only_non_recursive),
                 omit_empty("ReadOnlyForceRecursive", &T::read_only_force_recursive),
                 omit_empty("IDMap", &T::id_map)};
};

template <>
struct Describe<spec::docker::VolumeDriverConfig> {
  using T = spec::docker::VolumeDriverConfig;
  static constexpr auto fields =
      std::tuple{omit_empty("Name", &T::name), omit_empty("Options", &T::options)};
};

template <>
struct Describe<spec::docker::VolumeOptions> {
  using T = spec::docker::VolumeOptions;
  static constexpr auto fields =
      std::tuple{omit_empty("NoCopy", &T::no_copy), omit_empty("Labels", &T::labels),
                 omit_empty("Subpath", &T::subpath), omit_empty("DriverConfig", &T::driver_config)};
};

template <>
struct Describe<spec::docker::ImageOptions> {
  using T = spec::docker::ImageOptions;
  static constexpr auto fields = std::tuple{omit_empty("Subpath", &T::subpath)};
};

template <>
struct Describe<spec::docker::TmpfsOptions> {
  using T = spec::docker::TmpfsOptions;
  static constexpr auto fields =
      std::tuple{omit_empty("SizeBytes", &T::size_bytes), omit_empty("Mode", &T::mode),
                 omit_empty("Options", &T::options)};
};

template <>
struct Describe<spec::docker::Mount> {
  using T = spec::docker::Mount;
  static constexpr auto fields =
      std::tuple{omit_empty("Type", &T::type),
                 omit_empty("Source", &T::source),
                 omit_empty("Target", &T::target),
                 omit_empty("ReadOnly", &T::read_only),
                 omit_empty("Consistency", &T::consistency),
                 omit_empty("BindOptions", &T::bind_options),
                 omit_empty("VolumeOptions", &T::volume_options),
                 omit_empty("ImageOptions", &T::image_options),
                 omit_empty("TmpfsOptions", &T::tmpfs_options),
                 omit_empty("ClusterOptions", &T::cluster_options)};
};

template <>
struct Describe<spec::docker::MountPoint> {
  using T = spec::docker::MountPoint;
  static constexpr auto fields =
      std::tuple{omit_empty("Type", &T::type),
                 omit_empty("Name", &T::name),
                 field("Source", &T::source),
                 field("Destination", &T::destination),
                 omit_empty("Driver", &T::driver),
                 field("Mode", &T::mode),
                 field("RW", &T::rw),
                 field("Propagation", &T::propagation)};
};

}  // namespace wherry::json
