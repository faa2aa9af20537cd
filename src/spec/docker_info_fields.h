// The field tables of docker_system.h's Info and its parts, in dockerd's order. Included by
// docker_system_json.cc and by code that walks the members themselves.
#pragma once

#include "spec/docker_system.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::PluginsInfo> {
  using T = spec::docker::PluginsInfo;
  static constexpr auto fields =
      std::tuple{field("Volume", &T::volume), field("Network", &T::network),
                 field("Authorization", &T::authorization), field("Log", &T::log)};
};

template <>
struct Describe<spec::docker::IndexInfo> {
  using T = spec::docker::IndexInfo;
  static constexpr auto fields =
      std::tuple{field("Name", &T::name), field("Mirrors", &T::mirrors),
                 field("Secure", &T::secure), field("Official", &T::official)};
};

template <>
struct Describe<spec::docker::RegistryConfig> {
  using T = spec::docker::RegistryConfig;
  static constexpr auto fields =
      std::tuple{field("InsecureRegistryCIDRs", &T::insecure_registry_cidrs),
                 field("IndexConfigs", &T::index_configs), field("Mirrors", &T::mirrors)};
};

template <>
struct Describe<spec::docker::RuntimeInfo> {
  using T = spec::docker::RuntimeInfo;
  static constexpr auto fields =
      std::tuple{omit_empty("path", &T::path), omit_empty("runtimeArgs", &T::runtime_args),
                 omit_empty("status", &T::status)};
};

template <>
struct Describe<spec::docker::SwarmInfo> {
  using T = spec::docker::SwarmInfo;
  static constexpr auto fields =
      std::tuple{field("NodeID", &T::node_id),
                 field("NodeAddr", &T::node_addr),
                 field("LocalNodeState", &T::local_node_state),
                 field("ControlAvailable", &T::control_available),
                 field("Error", &T::error),
                 field("RemoteManagers", &T::remote_managers)};
};

template <>
struct Describe<spec::docker::Commit> {
  static constexpr auto fields = std::tuple{field("ID", &spec::docker::Commit::id)};
};

template <>
struct Describe<spec::docker::AddressPool> {
  using T = spec::docker::AddressPool;
  static constexpr auto fields = std::tuple{field("Base", &T::base), field("Size", &T::size)};
};

template <>
struct Describe<spec::docker::FirewallInfo> {
  static constexpr auto fields = std::tuple{field("Driver", &spec::docker::FirewallInfo::driver)};
};

template <>
struct Describe<spec::docker::Info> {
  using T = spec::docker::Info;
  static constexpr auto counters =
      std::tuple{field("ID", &T::id),
                 field("Containers", &T::containers),
                 field("ContainersRunning", &T::containers_running),
                 field("ContainersPaused", &T::containers_paused),
                 field("ContainersStopped", &T::containers_stopped),
                 field("Images", &T::images),
                 field("Driver", &T::driver),
                 field("DriverStatus", &T::driver_status),
                 field("Plugins", &T::plugins)};
  static constexpr auto abilities =
      std::tuple{field("MemoryLimit", &T::memory_limit),
                 field("SwapLimit", &T::swap_limit),
                 field("CpuCfsPeriod", &T::cpu_cfs_period),
                 field("CpuCfsQuota", &T::cpu_cfs_quota),
                 field("CPUShares", &T::cpu_shares),
                 field("CPUSet", &T::cpu_set),
                 field("PidsLimit", &T::pids_limit),
                 field("IPv4Forwarding", &T::ipv4_forwarding),
                 field("BridgeNfIptables", &T::bridge_nf_iptables),
                 field("BridgeNfIp6tables", &T::bridge_nf_ip6tables),
                 field("Debug", &T::debug),
                 field("NFd", &T::n_fd),
                 field("OomKillDisable", &T::oom_kill_disable),
                 field("NGoroutines", &T::n_goroutines),
                 field("SystemTime", &T::system_time),
                 field("LoggingDriver", &T::logging_driver),
                 field("CgroupDriver", &T::cgroup_driver),
                 omit_empty("CgroupVersion", &T::cgroup_version),
                 field("NEventsListener", &T::n_events_listener)};
  static constexpr auto host =
      std::tuple{field("KernelVersion", &T::kernel_version),
                 field("OperatingSystem", &T::operating_system),
                 field("OSVersion", &T::os_version),
                 field("OSType", &T::os_type),
                 field("Architecture", &T::architecture),
                 field("IndexServerAddress", &T::index_server_address),
                 field("RegistryConfig", &T::registry_config),
                 field("NCPU", &T::n_cpu),
                 field("MemTotal", &T::mem_total),
                 field("GenericResources", &T::generic_resources),
                 field("DockerRootDir", &T::docker_root_dir),
                 field("HttpProxy", &T::http_proxy),
                 field("HttpsProxy", &T::https_proxy),
                 field("NoProxy", &T::no_proxy),
                 field("Name", &T::name),
                 field("Labels", &T::labels)};
  static constexpr auto engine =
      std::tuple{field("ExperimentalBuild", &T::experimental_build),
                 field("ServerVersion", &T::server_version),
                 field("Runtimes", &T::runtimes),
                 field("DefaultRuntime", &T::default_runtime),
                 field("Swarm", &T::swarm),
                 field("LiveRestoreEnabled", &T::live_restore_enabled),
                 field("Isolation", &T::isolation),
                 field("InitBinary", &T::init_binary),
                 field("ContainerdCommit", &T::containerd_commit),
                 field("RuncCommit", &T::runc_commit),
                 field("InitCommit", &T::init_commit),
                 field("SecurityOptions", &T::security_options),
                 omit_empty("ProductLicense", &T::product_license),
                 omit_empty("DefaultAddressPools", &T::default_address_pools),
                 omit_empty("FirewallBackend", &T::firewall_backend),
                 field("CDISpecDirs", &T::cdi_spec_dirs),
                 field("Warnings", &T::warnings)};
  static constexpr auto fields = std::tuple_cat(counters, abilities, host, engine);
};

}  // namespace wherry::json
