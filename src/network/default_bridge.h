// The settings of the default bridge in daemon.json, and the network that they make. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/address_pools.h"
#include "network/ipv6.h"

namespace wherry::network {

struct Description;

// dockerd's words for them are the members' names; "" is what nobody asked for.
struct DefaultBridge {
  std::string bip;            // address of the bridge with its prefix: "172.18.0.1/16"
  std::string bip6;           // the same for IPv6
  std::string fixed_cidr;     // containers' addresses come out of it; without bip: the subnet
  std::string fixed_cidr6;
  std::string gateway;        // of the containers, where it is not the bridge
  std::string gateway6;
  std::string host_binding;   // --ip: where ports are published if nothing is said; IPv4
  bool ipv6 = false;
};

// InvalidArgument for what cannot be, in dockerd's words where it has some.
Result<> check_default_bridge(const DefaultBridge& settings, unsigned mtu);

// --bip, or what --fixed-cidr alone makes of it; "" when both are left open.
std::string wanted_bip(const DefaultBridge& settings);

struct DefaultSurroundings {
  std::string_view seed;                  // of the unique local addresses of this engine
  std::vector<std::string> subnets6 = {};  // of the other networks
  std::optional<Cidr6> present = std::nullopt;  // the bridge has it already: kept if it may be
  AddressPools pools = {};
};
// Range, gateways and IPv6 of the default bridge, whose subnet and gateway are settled.
Result<> settle_default_bridge(const DefaultBridge& settings,
                               const DefaultSurroundings& surroundings, Description& network);

}  // namespace wherry::network
