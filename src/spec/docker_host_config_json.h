// The member tables of docker_host_config.h. Only docker_host_config_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_host_config.h"
#include "spec/docker_common_json.h"
#include "spec/docker_mount_json.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::LogConfig> {
  using T = spec::docker::LogConfig;
  static constexpr auto fields = std::tuple{field("Type", &T::type), field("Config", &T::config)};
};

template <>
struct Describe<spec::docker::PortBinding> {
  using T = spec::docker::PortBinding;
  static constexpr auto fields =
      std::tuple{field("HostIp", &T::host_ip), field("HostPort", &T::host_port)};
};

template <>
struct Describe<spec::docker::RestartPolicy> {
  using T = spec::docker::RestartPolicy;
  static constexpr auto fields = std::tuple{field("Name", &T::name),
                                            field("MaximumRetryCount", &T::maximum_retry_count)};
};

template <>
struct Describe<spec::docker::WeightDevice> {
  using T = spec::docker::WeightDevice;
  static constexpr auto fields = std::tuple{field("Path", &T::path), field("Weight", &T::weight)};
};

template <>
struct Describe<spec::docker::ThrottleDevice> {
  using T = spec::docker::ThrottleDevice;
  static constexpr auto fields = std::tuple{field("Path", &T::path), field("Rate", &T::rate)};
};

template <>
struct Describe<spec::docker::DeviceMapping> {
  using T = spec::docker::DeviceMapping;
  static constexpr auto fields = std::tuple{field("PathOnHost", &T::path_on_host),
                                            field("PathInContainer", &T::path_in_container),
                                            field("CgroupPermissions", &T::cgroup_permissions)};
};

template <>
struct Describe<spec::docker::DeviceRequest> {
  using T = spec::docker::DeviceRequest;
  static constexpr auto fields =
      std::tuple{field("Driver", &T::driver), field("Count", &T::count),
                 field("DeviceIDs", &T::device_ids), field("Capabilities", &T::capabilities),
                 field("Options", &T::options)};
};

template <>
struct Describe<spec::docker::Ulimit> {
  using T = spec::docker::Ulimit;
  static constexpr auto fields =
      std::tuple{field("Name", &T::name), field("Hard", &T::hard), field("Soft", &T::soft)};
};

template <>
struct Describe<spec::docker::Resources> {
  using T = spec::docker::Resources;
  static constexpr auto fields =
      std::tuple{field("CpuShares", &T::cpu_shares),
                 field("Memory", &T::memory),
                 field("NanoCpus", &T::nano_cpus),
                 field("CgroupParent", &T::cgroup_parent),
                 field("BlkioWeight", &T::blkio_weight),
                 field("BlkioWeightDevice", &T::blkio_weight_device),
                 field("BlkioDeviceReadBps", &T::blkio_device_read_bps),
                 field("BlkioDeviceWriteBps", &T::blkio_device_write_bps),
                 field("BlkioDeviceReadIOps", &T::blkio_device_read_iops),
                 field("BlkioDeviceWriteIOps", &T::blkio_device_write_iops),
                 field("CpuPeriod", &T::cpu_period),
                 field("CpuQuota", &T::cpu_quota),
                 field("CpuRealtimePeriod", &T::cpu_realtime_period),
                 field("CpuRealtimeRuntime", &T::cpu_realtime_runtime),
                 field("CpusetCpus", &T::cpuset_cpus),
                 field("CpusetMems", &T::cpuset_mems),
                 field("Devices", &T::devices),
                 field("DeviceCgroupRules", &T::device_cgroup_rules),
                 field("DeviceRequests", &T::device_requests),
                 omit_empty("KernelMemory", &T::kernel_memory),
                 omit_empty("KernelMemoryTCP", &T::kernel_memory_tcp),
                 field("MemoryReservation", &T::memory_reservation),
                 field("MemorySwap", &T::memory_swap),
                 field("MemorySwappiness", &T::memory_swappiness),
                 field("OomKillDisable", &T::oom_kill_disable),
                 field("PidsLimit", &T::pids_limit),
                 field("Ulimits", &T::ulimits),
                 field("CpuCount", &T::cpu_count),
                 field("CpuPercent", &T::cpu_percent),
                 field("IOMaximumIOps", &T::io_maximum_iops),
                 field("IOMaximumBandwidth", &T::io_maximum_bandwidth)};
};

template <>
struct Describe<spec::docker::HostConfig> {
  using T = spec::docker::HostConfig;
  static constexpr auto before_resources =
      std::tuple{field("Binds", &T::binds),
                 field("ContainerIDFile", &T::container_id_file),
                 field("LogConfig", &T::log_config),
                 field("NetworkMode", &T::network_mode),
                 field("PortBindings", &T::port_bindings),
                 field("RestartPolicy", &T::restart_policy),
                 field("AutoRemove", &T::auto_remove),
                 field("VolumeDriver", &T::volume_driver),
                 field("VolumesFrom", &T::volumes_from),
                 field("ConsoleSize", &T::console_size),
                 omit_empty("Annotations", &T::annotations),
                 field("CapAdd", &T::cap_add),
                 field("CapDrop", &T::cap_drop),
                 field("CgroupnsMode", &T::cgroupns_mode),
                 field("Dns", &T::dns),
                 field("DnsOptions", &T::dns_options),
                 field("DnsSearch", &T::dns_search),
                 field("ExtraHosts", &T::extra_hosts),
                 field("GroupAdd", &T::group_add),
                 field("IpcMode", &T::ipc_mode),
                 field("Cgroup", &T::cgroup),
                 field("Links", &T::links),
                 field("OomScoreAdj", &T::oom_score_adj),
                 field("PidMode", &T::pid_mode),
                 field("Privileged", &T::privileged),
                 field("PublishAllPorts", &T::publish_all_ports),
                 field("ReadonlyRootfs", &T::readonly_rootfs),
                 field("SecurityOpt", &T::security_opt),
                 omit_empty("StorageOpt", &T::storage_opt),
                 omit_empty("Tmpfs", &T::tmpfs),
                 field("UTSMode", &T::uts_mode),
                 field("UsernsMode", &T::userns_mode),
                 field("ShmSize", &T::shm_size),
                 omit_empty("Sysctls", &T::sysctls),
                 omit_empty("Runtime", &T::runtime),
                 field("Isolation", &T::isolation)};
  static constexpr auto after_resources =
      std::tuple{omit_empty("Mounts", &T::mounts), field("MaskedPaths", &T::masked_paths),
                 field("ReadonlyPaths", &T::readonly_paths), omit_empty("Init", &T::init)};
  static constexpr auto fields = std::tuple_cat(
      before_resources, Describe<spec::docker::Resources>::fields, after_resources);
};

}  // namespace wherry::json
