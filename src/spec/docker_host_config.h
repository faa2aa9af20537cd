// docker's HostConfig: everything of a container that depends on the host, with every field of
// API 1.51 in the order in which dockerd 28 writes them. What a client sent comes back in
// inspect as it was sent: hence null and [] stay apart.
#pragma once

#include "spec/docker_common.h"
#include "spec/docker_mount.h"

namespace wherry::spec::docker {

struct LogConfig {
  std::string type;
  StringMap config;
};

struct PortBinding {
  std::string host_ip;
  std::string host_port;
};
// "80/tcp" -> bindings; null for a port that is exposed only.
using PortMap = std::map<std::string, std::optional<std::vector<PortBinding>>>;

struct RestartPolicy {
  std::string name;  // "", no, always, unless-stopped, on-failure
  std::int64_t maximum_retry_count = 0;
};

struct WeightDevice {
  std::string path;
  std::uint16_t weight = 0;
};
struct ThrottleDevice {
  std::string path;
  std::uint64_t rate = 0;  // bytes or operations per second
};
using ThrottleDevices = std::optional<std::vector<ThrottleDevice>>;

struct DeviceMapping {
  std::string path_on_host;
  std::string path_in_container;
  std::string cgroup_permissions;
};

struct DeviceRequest {
  std::string driver;
  std::int64_t count = 0;
  Strings device_ids;
  std::optional<std::vector<Strings>> capabilities;
  StringMap options;
};

struct Ulimit {
  std::string name;
  std::int64_t hard = 0;
  std::int64_t soft = 0;
};

// Limits: part of HostConfig, and the body of POST /containers/{id}/update.
struct Resources {
  std::int64_t cpu_shares = 0;
  std::int64_t memory = 0;  // bytes
  std::int64_t nano_cpus = 0;
  std::string cgroup_parent;
  std::uint16_t blkio_weight = 0;
  std::optional<std::vector<WeightDevice>> blkio_weight_device;
  ThrottleDevices blkio_device_read_bps;
  ThrottleDevices blkio_device_write_bps;
  ThrottleDevices blkio_device_read_iops;
  ThrottleDevices blkio_device_write_iops;
  std::int64_t cpu_period = 0;            // µs
  std::int64_t cpu_quota = 0;             // µs
  std::int64_t cpu_realtime_period = 0;   // µs
  std::int64_t cpu_realtime_runtime = 0;  // µs
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::optional<std::vector<DeviceMapping>> devices;
  Strings device_cgroup_rules;
  std::optional<std::vector<DeviceRequest>> device_requests;
  std::int64_t kernel_memory = 0;
  std::int64_t kernel_memory_tcp = 0;
  std::int64_t memory_reservation = 0;
  std::int64_t memory_swap = 0;
  std::optional<std::int64_t> memory_swappiness;  // -1 as null: the default
  std::optional<bool> oom_kill_disable;
  std::optional<std::int64_t> pids_limit;
  std::optional<std::vector<Ulimit>> ulimits;
  std::int64_t cpu_count = 0;    // Windows
  std::int64_t cpu_percent = 0;  // Windows
  std::uint64_t io_maximum_iops = 0;
  std::uint64_t io_maximum_bandwidth = 0;
};

struct HostConfig : Resources {
  Strings binds;
  std::string container_id_file;
  LogConfig log_config;
  std::string network_mode;
  std::optional<PortMap> port_bindings;
  RestartPolicy restart_policy;
  bool auto_remove = false;
  std::string volume_driver;
  Strings volumes_from;
  ConsoleSize console_size;
  StringMap annotations;
  Command cap_add;
  Command cap_drop;
  std::string cgroupns_mode;
  Strings dns;
  Strings dns_options;
  Strings dns_search;
  Strings extra_hosts;
  Strings group_add;
  std::string ipc_mode;
  std::string cgroup;
  Strings links;
  std::int64_t oom_score_adj = 0;
  std::string pid_mode;
  bool privileged = false;
  bool publish_all_ports = false;
  bool readonly_rootfs = false;
  Strings security_opt;
  StringMap storage_opt;
  StringMap tmpfs;
  std::string uts_mode;
  std::string userns_mode;
  std::int64_t shm_size = 0;  // bytes
  StringMap sysctls;
  std::string runtime;
  std::string isolation;
  std::optional<std::vector<Mount>> mounts;
  Strings masked_paths;
  Strings readonly_paths;
  std::optional<bool> init;
};

}  // namespace wherry::spec::docker

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
