// The member tables of docker_network.h. Only docker_network_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_network.h"
#include "spec/docker_common_json.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::EndpointIpamConfig> {
  using T = spec::docker::EndpointIpamConfig;
  static constexpr auto fields =
      std::tuple{omit_empty("IPv4Address", &T::ipv4_address),
                 omit_empty("IPv6Address", &T::ipv6_address),
                 omit_empty("LinkLocalIPs", &T::link_local_ips)};
};

template <>
struct Describe<spec::docker::EndpointSettings> {
  using T = spec::docker::EndpointSettings;
  static constexpr auto fields =
      std::tuple{field("IPAMConfig", &T::ipam_config),
                 field("Links", &T::links),
                 field("Aliases", &T::aliases),
                 field("MacAddress", &T::mac_address),
                 field("DriverOpts", &T::driver_opts),
                 field("GwPriority", &T::gw_priority),
                 field("NetworkID", &T::network_id),
                 field("EndpointID", &T::endpoint_id),
                 field("Gateway", &T::gateway),
                 field("IPAddress", &T::ip_address),
                 field("IPPrefixLen", &T::ip_prefix_len),
                 field("IPv6Gateway", &T::ipv6_gateway),
                 field("GlobalIPv6Address", &T::global_ipv6_address),
                 field("GlobalIPv6PrefixLen", &T::global_ipv6_prefix_len),
                 field("DNSNames", &T::dns_names)};
};

template <>
struct Describe<spec::docker::NetworkingConfig> {
  using T = spec::docker::NetworkingConfig;
  static constexpr auto fields = std::tuple{field("EndpointsConfig", &T::endpoints_config)};
};

template <>
struct Describe<spec::docker::IpamPool> {
  using T = spec::docker::IpamPool;
  static constexpr auto fields =
      std::tuple{omit_empty("Subnet", &T::subnet), omit_empty("IPRange", &T::ip_range),
                 omit_empty("Gateway", &T::gateway),
                 omit_empty("AuxiliaryAddresses", &T::auxiliary_addresses)};
};

template <>
struct Describe<spec::docker::Ipam> {
  using T = spec::docker::Ipam;
  static constexpr auto fields =
      std::tuple{field("Driver", &T::driver), field("Options", &T::options),
                 field("Config", &T::config)};
};

template <>
struct Describe<spec::docker::NetworkEndpoint> {
  using T = spec::docker::NetworkEndpoint;
  static constexpr auto fields =
      std::tuple{field("Name", &T::name), field("EndpointID", &T::endpoint_id),
                 field("MacAddress", &T::mac_address), field("IPv4Address", &T::ipv4_address),
                 field("IPv6Address", &T::ipv6_address)};
};

template <>
struct Describe<spec::docker::ConfigReference> {
  static constexpr auto fields = std::tuple{field("Network", &spec::docker::ConfigReference::network)};
};

template <>
struct Describe<spec::docker::Network> {
  using T = spec::docker::Network;
  static constexpr auto fields =
      std::tuple{field("Name", &T::name),
                 field("Id", &T::id),
                 field("Created", &T::created),
                 field("Scope", &T::scope),
                 field("Driver", &T::driver),
                 field("EnableIPv4", &T::enable_ipv4),
                 field("EnableIPv6", &T::enable_ipv6),
                 field("IPAM", &T::ipam),
                 field("Internal", &T::internal),
                 field("Attachable", &T::attachable),
                 field("Ingress", &T::ingress),
                 field("ConfigFrom", &T::config_from),
                 field("ConfigOnly", &T::config_only),
                 field("Containers", &T::containers),
                 field("Options", &T::options),
                 field("Labels", &T::labels)};
};

template <>
struct Describe<spec::docker::NetworkCreateRequest> {
  using T = spec::docker::NetworkCreateRequest;
  static constexpr auto fields =
      std::tuple{field("Name", &T::name),
                 field("Driver", &T::driver),
                 field("Scope", &T::scope),
                 field("EnableIPv4", &T::enable_ipv4),
                 field("EnableIPv6", &T::enable_ipv6),
                 field("IPAM", &T::ipam),
                 field("Internal", &T::internal),
                 field("Attachable", &T::attachable),
                 field("Ingress", &T::ingress),
                 field("ConfigOnly", &T::config_only),
                 field("ConfigFrom", &T::config_from),
                 field("Options", &T::options),
                 field("Labels", &T::labels)};
};

template <>
struct Describe<spec::docker::NetworkCreateResponse> {
  using T = spec::docker::NetworkCreateResponse;
  static constexpr auto fields =
      std::tuple{field("Id", &T::id), field("Warning", &T::warning)};
};

template <>
struct Describe<spec::docker::NetworkConnectRequest> {
  using T = spec::docker::NetworkConnectRequest;
  static constexpr auto fields = std::tuple{field("Container", &T::container),
                                            field("EndpointConfig", &T::endpoint_config)};
};

template <>
struct Describe<spec::docker::NetworkDisconnectRequest> {
  using T = spec::docker::NetworkDisconnectRequest;
  static constexpr auto fields =
      std::tuple{field("Container", &T::container), field("Force", &T::force)};
};

template <>
struct Describe<spec::docker::NetworkPruneResponse> {
  using T = spec::docker::NetworkPruneResponse;
  static constexpr auto fields = std::tuple{field("NetworksDeleted", &T::networks_deleted)};
};

}  // namespace wherry::json
