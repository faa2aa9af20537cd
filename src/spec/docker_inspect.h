// What docker's API says of a container: GET /containers/{id}/json and /containers/json.
#pragma once

#include "base/value_type.h"
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
  WHERRY_VALUE_TYPE(ContainerState);

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
  WHERRY_VALUE_TYPE(NetworkSettings);

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
  WHERRY_VALUE_TYPE(ContainerInspect);

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
  WHERRY_VALUE_TYPE(ContainerSummary);

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

// Bodies in docker_inspect_json.cc.
json::Value to_json(const HealthLogEntry& source);
Result<> from_json(const json::Value& value, HealthLogEntry& target);
json::Value to_json(const Health& source);
Result<> from_json(const json::Value& value, Health& target);
json::Value to_json(const ContainerState& source);
Result<> from_json(const json::Value& value, ContainerState& target);
json::Value to_json(const DriverData& source);
Result<> from_json(const json::Value& value, DriverData& target);
json::Value to_json(const Address& source);
Result<> from_json(const json::Value& value, Address& target);
json::Value to_json(const NetworkSettings& source);
Result<> from_json(const json::Value& value, NetworkSettings& target);
json::Value to_json(const ContainerInspect& source);
Result<> from_json(const json::Value& value, ContainerInspect& target);
json::Value to_json(const PortSummary& source);
Result<> from_json(const json::Value& value, PortSummary& target);
json::Value to_json(const HostConfigSummary& source);
Result<> from_json(const json::Value& value, HostConfigSummary& target);
json::Value to_json(const NetworkSettingsSummary& source);
Result<> from_json(const json::Value& value, NetworkSettingsSummary& target);
json::Value to_json(const ContainerSummary& source);
Result<> from_json(const json::Value& value, ContainerSummary& target);

}  // namespace wherry::spec::docker
