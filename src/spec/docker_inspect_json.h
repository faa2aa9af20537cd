// The member tables of docker_inspect.h. Only docker_inspect_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_inspect.h"
#include "spec/docker_common_json.h"
#include "spec/docker_config_json.h"
#include "spec/docker_mount_json.h"
#include "spec/docker_network_json.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::HealthLogEntry> {
  using T = spec::docker::HealthLogEntry;
  static constexpr auto fields = std::tuple{field("Start", &T::start), field("End", &T::end),
                                            field("ExitCode", &T::exit_code),
                                            field("Output", &T::output)};
};

template <>
struct Describe<spec::docker::Health> {
  using T = spec::docker::Health;
  static constexpr auto fields =
      std::tuple{field("Status", &T::status), field("FailingStreak", &T::failing_streak),
                 field("Log", &T::log)};
};

template <>
struct Describe<spec::docker::ContainerState> {
  using T = spec::docker::ContainerState;
  static constexpr auto fields = std::tuple{field("Status", &T::status),
                                            field("Running", &T::running),
                                            field("Paused", &T::paused),
                                            field("Restarting", &T::restarting),
                                            field("OOMKilled", &T::oom_killed),
                                            field("Dead", &T::dead),
                                            field("Pid", &T::pid),
                                            field("ExitCode", &T::exit_code),
                                            field("Error", &T::error),
                                            field("StartedAt", &T::started_at),
                                            field("FinishedAt", &T::finished_at),
                                            omit_empty("Health", &T::health)};
};

template <>
struct Describe<spec::docker::DriverData> {
  using T = spec::docker::DriverData;
  static constexpr auto fields = std::tuple{field("Data", &T::data), field("Name", &T::name)};
};

template <>
struct Describe<spec::docker::Address> {
  using T = spec::docker::Address;
  static constexpr auto fields =
      std::tuple{field("Addr", &T::addr), field("PrefixLen", &T::prefix_len)};
};

template <>
struct Describe<spec::docker::NetworkSettings> {
  using T = spec::docker::NetworkSettings;
  static constexpr auto fields =
      std::tuple{field("Bridge", &T::bridge),
                 field("SandboxID", &T::sandbox_id),
                 field("SandboxKey", &T::sandbox_key),
                 field("Ports", &T::ports),
                 field("HairpinMode", &T::hairpin_mode),
                 field("LinkLocalIPv6Address", &T::link_local_ipv6_address),
                 field("LinkLocalIPv6PrefixLen", &T::link_local_ipv6_prefix_len),
                 field("SecondaryIPAddresses", &T::secondary_ip_addresses),
                 field("SecondaryIPv6Addresses", &T::secondary_ipv6_addresses),
                 field("EndpointID", &T::endpoint_id),
                 field("Gateway", &T::gateway),
                 field("GlobalIPv6Address", &T::global_ipv6_address),
                 field("GlobalIPv6PrefixLen", &T::global_ipv6_prefix_len),
                 field("IPAddress", &T::ip_address),
                 field("IPPrefixLen", &T::ip_prefix_len),
                 field("IPv6Gateway", &T::ipv6_gateway),
                 field("MacAddress", &T::mac_address),
                 field("Networks", &T::networks)};
};

template <>
struct Describe<spec::docker::ContainerInspect> {
  using T = spec::docker::ContainerInspect;
  static constexpr auto fields = std::tuple{field("Id", &T::id),
                                            field("Created", &T::created),
                                            field("Path", &T::path),
                                            field("Args", &T::args),
                                            field("State", &T::state),
                                            field("Image", &T::image),
                                            field("ResolvConfPath", &T::resolv_conf_path),
                                            field("HostnamePath", &T::hostname_path),
                                            field("HostsPath", &T::hosts_path),
                                            field("LogPath", &T::log_path),
                                            field("Name", &T::name),
                                            field("RestartCount", &T::restart_count),
                                            field("Driver", &T::driver),
                                            field("Platform", &T::platform),
                                            field("MountLabel", &T::mount_label),
                                            field("ProcessLabel", &T::process_label),
                                            field("AppArmorProfile", &T::app_armor_profile),
                                            field("ExecIDs", &T::exec_ids),
                                            field("HostConfig", &T::host_config),
                                            field("GraphDriver", &T::graph_driver),
                                            omit_empty("SizeRw", &T::size_rw),
                                            omit_empty("SizeRootFs", &T::size_root_fs),
                                            field("Mounts", &T::mounts),
                                            field("Config", &T::config),
                                            field("NetworkSettings", &T::network_settings)};
};

template <>
struct Describe<spec::docker::PortSummary> {
  using T = spec::docker::PortSummary;
  static constexpr auto fields =
      std::tuple{omit_empty("IP", &T::ip), field("PrivatePort", &T::private_port),
                 omit_empty("PublicPort", &T::public_port), field("Type", &T::type)};
};

template <>
struct Describe<spec::docker::HostConfigSummary> {
  using T = spec::docker::HostConfigSummary;
  static constexpr auto fields = std::tuple{omit_empty("NetworkMode", &T::network_mode),
                                            omit_empty("Annotations", &T::annotations)};
};

template <>
struct Describe<spec::docker::NetworkSettingsSummary> {
  static constexpr auto fields =
      std::tuple{field("Networks", &spec::docker::NetworkSettingsSummary::networks)};
};

template <>
struct Describe<spec::docker::ContainerSummary> {
  using T = spec::docker::ContainerSummary;
  static constexpr auto fields = std::tuple{field("Id", &T::id),
                                            field("Names", &T::names),
                                            field("Image", &T::image),
                                            field("ImageID", &T::image_id),
                                            field("Command", &T::command),
                                            field("Created", &T::created),
                                            field("Ports", &T::ports),
                                            omit_empty("SizeRw", &T::size_rw),
                                            omit_empty("SizeRootFs", &T::size_root_fs),
                                            field("Labels", &T::labels),
                                            field("State", &T::state),
                                            field("Status", &T::status),
                                            field("HostConfig", &T::host_config),
                                            field("NetworkSettings", &T::network_settings),
                                            field("Mounts", &T::mounts)};
};

}  // namespace wherry::json
