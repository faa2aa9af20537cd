// Networks in docker's API: a container's endpoints, and the network objects themselves.
#pragma once

#include "base/value_type.h"
#include "spec/docker_common.h"

namespace wherry::spec::docker {

struct EndpointIpamConfig {
  std::string ipv4_address;
  std::string ipv6_address;
  Strings link_local_ips;
};

// What a client asks for (down to gw_priority) and what the engine reports.
struct EndpointSettings {
  WHERRY_VALUE_TYPE(EndpointSettings);

  std::optional<EndpointIpamConfig> ipam_config;
  Strings links;
  Strings aliases;
  std::string mac_address;
  StringMap driver_opts;
  std::int64_t gw_priority = 0;
  std::string network_id;
  std::string endpoint_id;
  std::string gateway;
  std::string ip_address;
  std::int64_t ip_prefix_len = 0;
  std::string ipv6_gateway;
  std::string global_ipv6_address;
  std::int64_t global_ipv6_prefix_len = 0;
  Strings dns_names;
};

// A null entry is an endpoint without wishes.
using EndpointMap = std::map<std::string, std::optional<EndpointSettings>>;

struct NetworkingConfig {
  std::optional<EndpointMap> endpoints_config;
};

struct IpamPool {
  std::string subnet;
  std::string ip_range;
  std::string gateway;
  StringMap auxiliary_addresses;
};

struct Ipam {
  std::string driver = "default";
  StringMap options;
  std::optional<std::vector<IpamPool>> config;
};

struct NetworkEndpoint {
  std::string name;
  std::string endpoint_id;
  std::string mac_address;
  std::string ipv4_address;  // with prefix length
  std::string ipv6_address;
};

struct ConfigReference {
  std::string network;
};

// GET /networks and /networks/{id}; lists leave `containers` empty.
struct Network {
  WHERRY_VALUE_TYPE(Network);

  std::string name;
  std::string id;
  std::string created;  // RFC 3339
  std::string scope = "local";
  std::string driver;
  bool enable_ipv4 = true;
  bool enable_ipv6 = false;
  Ipam ipam;
  bool internal = false;
  bool attachable = false;
  bool ingress = false;
  ConfigReference config_from;
  bool config_only = false;
  std::map<std::string, NetworkEndpoint> containers;
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
};

// POST /networks/create. Absent booleans are docker's defaults.
struct NetworkCreateRequest {
  std::string name;
  std::string driver;
  std::string scope;
  std::optional<bool> enable_ipv4;
  std::optional<bool> enable_ipv6;
  std::optional<Ipam> ipam;
  bool internal = false;
  bool attachable = false;
  bool ingress = false;
  bool config_only = false;
  std::optional<ConfigReference> config_from;
  StringMap options;
  StringMap labels;
};

struct NetworkCreateResponse {
  std::string id;
  std::string warning;
};

// POST /networks/{id}/connect and disconnect.
struct NetworkConnectRequest {
  std::string container;
  std::optional<EndpointSettings> endpoint_config;
};
struct NetworkDisconnectRequest {
  std::string container;
  bool force = false;
};

struct NetworkPruneResponse {
  Strings networks_deleted;
};

// Bodies in docker_network_json.cc.
json::Value to_json(const NetworkCreateRequest& source);
Result<> from_json(const json::Value& value, NetworkCreateRequest& target);
json::Value to_json(const NetworkCreateResponse& source);
Result<> from_json(const json::Value& value, NetworkCreateResponse& target);
json::Value to_json(const NetworkConnectRequest& source);
Result<> from_json(const json::Value& value, NetworkConnectRequest& target);
json::Value to_json(const NetworkDisconnectRequest& source);
Result<> from_json(const json::Value& value, NetworkDisconnectRequest& target);
json::Value to_json(const NetworkPruneResponse& source);
Result<> from_json(const json::Value& value, NetworkPruneResponse& target);
json::Value to_json(const EndpointIpamConfig& source);
Result<> from_json(const json::Value& value, EndpointIpamConfig& target);
json::Value to_json(const EndpointSettings& source);
Result<> from_json(const json::Value& value, EndpointSettings& target);
json::Value to_json(const NetworkingConfig& source);
Result<> from_json(const json::Value& value, NetworkingConfig& target);
json::Value to_json(const IpamPool& source);
Result<> from_json(const json::Value& value, IpamPool& target);
json::Value to_json(const Ipam& source);
Result<> from_json(const json::Value& value, Ipam& target);
json::Value to_json(const NetworkEndpoint& source);
Result<> from_json(const json::Value& value, NetworkEndpoint& target);
json::Value to_json(const ConfigReference& source);
Result<> from_json(const json::Value& value, ConfigReference& target);
json::Value to_json(const Network& source);
Result<> from_json(const json::Value& value, Network& target);

}  // namespace wherry::spec::docker
