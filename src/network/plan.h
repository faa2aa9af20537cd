// What a request for a network becomes: docker's checks with docker's words, and what the
// request leaves open. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "network/address.h"
#include "network/address_pools.h"
#include "network/ipv6.h"
#include "network/network.h"

namespace wherry::network {

// What the host and the other networks have taken.
struct Surroundings {
  std::span<const Description> networks;
  std::span<const Subnet> routed;  // by the host, by another way than our bridges
  std::string_view seed = {};      // of the unique local addresses of this engine
  AddressPools pools = {};
};

// The description with subnet, gateway, bridge name and id settled. InvalidArgument,
// Conflict (the name), Forbidden (subnet in use, second host network), NotImplemented (a
// driver or an option that wherry has not), Unavailable (no subnet left).
Result<Description> plan(const NetworkRequest& request, const Surroundings& surroundings);

// The driver options of docker's bridge, as wherry understands them.
struct BridgeSettings {
  Icc icc = Icc::On;
  bool masquerade = true;
  unsigned mtu = 1500;
  std::string bridge;           // "": named after the network's id
  Ipv4 host_binding;            // where published ports are bound if nothing is said
};
Result<BridgeSettings> bridge_settings(const std::map<std::string, std::string>& options);

// The auxiliary addresses that name the containers' gateway, where it is not the bridge.
inline constexpr std::string_view kDefaultGateway = "DefaultGatewayIPv4";
inline constexpr std::string_view kDefaultGateway6 = "DefaultGatewayIPv6";

// Subnet and gateway of a description that plan() made.
struct Addressing {
  Subnet subnet;
  Ipv4 gateway;  // the bridge's own
  std::optional<Subnet> range;
  std::vector<Ipv4> auxiliary;
  Ipv4 container_gateway;
};
Result<Addressing> addressing(const Description& network);

// IPv6 of plan(), and of a description that it made: nothing on a network without it.
Result<> settle_ipv6(const NetworkRequest& request, const Surroundings& surroundings,
                     Description& network);
Result<std::optional<Addressing6>> addressing6(const Description& network);

// Where a container's default route goes: the endpoint with the highest priority, then the
// first by name, among those of `endpoints` that are not on an internal network.
const Endpoint* default_route_endpoint(std::span<const Endpoint> endpoints,
                                       std::span<const NetworkId> internal);
// The same for the default route of IPv6: among those that have a gateway for it.
const Endpoint* default_route_endpoint6(std::span<const Endpoint> endpoints,
                                        std::span<const NetworkId> internal);

}  // namespace wherry::network
