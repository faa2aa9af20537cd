// What docker's API says of a container: GET /containers/{id}/json and /containers/json.
#pragma once

#include "spec/docker_common.h"
#include "spec/docker_config.h"
#include "spec/docker_mount.h"
#include "spec/docker_network.h"

namespace wherry::spec::docker {

struct HealthLogEntry {
  std::string start;  // RFC 3339
  std::string end;
  std::int64_t exit_code = 0;
  std::string output;
};
struct Health {
  std::string status;  // starting, healthy, unhealthy
  std::int64_t failing_streak = 0;
  std::optional<std::vector<HealthLogEntry>> log;
};

struct ContainerState {
  std::string status;  // created, running, paused, restarting, removing, exited, dead
  bool running = false;
  bool paused = false;
  bool restarting = false;
  bool oom_killed = false;
  bool dead = false;
  std::int64_t pid = 0;
  std::int64_t exit_code = 0;
  std::string error;
  std::string started_at = "0001-01-01T00:00:00Z";
  std::string finished_at = "0001-01-01T00:00:00Z";
  std::optional<Health> health;
};

struct DriverData {
  StringMap data;
  std::string name;
};

struct Address {
  std::string addr;
  std::int64_t prefix_len = 0;
};
using Addresses = std::optional<std::vector<Address>>;

// The members from endpoint_id to mac_address repeat those of the default bridge's endpoint.
struct NetworkSettings {
  std::string bridge;
  std::string sandbox_id;
  std::string sandbox_key;
  std::optional<PortMap> ports = PortMap{};
  bool hairpin_mode = false;
  std::string link_local_ipv6_address;
  std::int64_t link_local_ipv6_prefix_len = 0;
  Addresses secondary_ip_addresses;
  Addresses secondary_ipv6_addresses;
  std::string endpoint_id;
  std::string gateway;
  std::string global_ipv6_address;
  std::int64_t global_ipv6_prefix_len = 0;
  std::string ip_address;
  std::int64_t ip_prefix_len = 0;
  std::string ipv6_gateway;
  std::string mac_address;
  EndpointMap networks;
};

struct ContainerInspect {
  std::string id;
  std::string created;  // RFC 3339 with nanoseconds
  std::string path;
  std::vector<std::string> args;
  ContainerState state;
  std::string image;  // "sha256:<hex>"
  std::string resolv_conf_path;
  std::string hostname_path;
  std::string hosts_path;
  std::string log_path;
  std::string name;  // with its leading slash
  std::int64_t restart_count = 0;
  std::string driver;
  std::string platform = "linux";
  std::string mount_label;
  std::string process_label;
  std::string app_armor_profile;
  Strings exec_ids;
  HostConfig host_config;
  DriverData graph_driver;
  std::optional<std::int64_t> size_rw;
  std::optional<std::int64_t> size_root_fs;
  std::vector<MountPoint> mounts;
  ContainerConfig config;
  NetworkSettings network_settings;
};

struct PortSummary {
  std::string ip;
  std::uint16_t private_port = 0;
  std::uint16_t public_port = 0;
  std::string type;
};

struct HostConfigSummary {
  std::string network_mode;
  StringMap annotations;
};

struct NetworkSettingsSummary {
  EndpointMap networks;
};

struct ContainerSummary {
  std::string id;
  std::vector<std::string> names;  // with leading slashes
  std::string image;
  std::string image_id;
  std::string command;
  std::int64_t created = 0;  // Unix seconds
  std::vector<PortSummary> ports;
  std::int64_t size_rw = 0;
  std::int64_t size_root_fs = 0;
  std::map<std::string, std::string> labels;
  std::string state;
  std::string status;  // "Up 2 minutes", "Exited (0) 3 seconds ago"
  HostConfigSummary host_config;
  NetworkSettingsSummary network_settings;
  std::vector<MountPoint> mounts;
};

}  // namespace wherry::spec::docker

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
