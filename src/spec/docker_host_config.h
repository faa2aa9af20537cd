// docker's HostConfig: everything of a container that depends on the host, with every field of
// API 1.51 in the order in which dockerd 28 writes them. What a client sent comes back in
// inspect as it was sent: hence null and [] stay apart.
#pragma once

#include "base/value_type.h"
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
  WHERRY_VALUE_TYPE(DeviceRequest);

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
  WHERRY_VALUE_TYPE(Resources);

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
  WHERRY_VALUE_TYPE(HostConfig);

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

// Bodies in docker_host_config_json.cc.
json::Value to_json(const LogConfig& source);
Result<> from_json(const json::Value& value, LogConfig& target);
json::Value to_json(const PortBinding& source);
Result<> from_json(const json::Value& value, PortBinding& target);
json::Value to_json(const RestartPolicy& source);
Result<> from_json(const json::Value& value, RestartPolicy& target);
json::Value to_json(const WeightDevice& source);
Result<> from_json(const json::Value& value, WeightDevice& target);
json::Value to_json(const ThrottleDevice& source);
Result<> from_json(const json::Value& value, ThrottleDevice& target);
json::Value to_json(const DeviceMapping& source);
Result<> from_json(const json::Value& value, DeviceMapping& target);
json::Value to_json(const DeviceRequest& source);
Result<> from_json(const json::Value& value, DeviceRequest& target);
json::Value to_json(const Ulimit& source);
Result<> from_json(const json::Value& value, Ulimit& target);
json::Value to_json(const Resources& source);
Result<> from_json(const json::Value& value, Resources& target);
json::Value to_json(const HostConfig& source);
Result<> from_json(const json::Value& value, HostConfig& target);

}  // namespace wherry::spec::docker
