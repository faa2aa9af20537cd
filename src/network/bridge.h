// The bridge of a network: found or made, addressed, up; without IPv6 (nothing listens on a
// link-local address that containers could reach) unless the network has it. No RA is believed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "network/address.h"
#include "network/address_pools.h"
#include "network/ipv6.h"
#include "sys/netlink_route.h"

namespace wherry::network {

struct BridgeRequest {
  std::string name;
  std::string bip;  // "" = the address it has, else the first default subnet that is free
  unsigned mtu = 1500;
  // Kept with the interface: whose it is. One of that name that bears another is Conflict.
  std::string alias = {};
  std::optional<Cidr6> ipv6 = std::nullopt;  // nothing: IPv6 is off
  bool ipv4 = true;
  bool ipv6_follows = false;  // a second call settles it: this one leaves it as it is
  AddressPools pools = {};
};

struct Bridge {
  int index = 0;
  Cidr address;
  std::optional<Cidr6> address6 = std::nullopt;  // that it had before
};

// Subnets that the host reaches by another way than `bridge_index` (0: by any), and its
// nameservers, which a subnet of ours would hide.
Result<std::vector<Subnet>> taken_subnets(sys::NetlinkSocket& route, int bridge_index);

// Packets of the host's to 127.0.0.1 may leave by the bridge, as published ports on the
// loopback need. Only with firewall.h's rules in place, which keep containers out of there.
Result<> allow_loopback_routing(const std::string& bridge);
// The same for ::1. Without effect where br_netfilter hands bridged IPv6 packets to the firewall
// (net.bridge.bridge-nf-call-ip6tables): answers then never reach the host's loopback.
Result<> allow_loopback_routing6(sys::NetlinkSocket& route, int bridge_index);

// Checks --bip as dockerd does; InvalidArgument.
Result<Cidr> parse_bip(const std::string& bip);

// Idempotent. Unsupported, with the remedy, where the host has no bridges or lets us make
// none; Unavailable when every default subnet is in use.
Result<Bridge> ensure_bridge(sys::NetlinkSocket& route, const BridgeRequest& request);
// For a bridge whose ports do not reach each other: there is no group to learn, and each change of
// a port starts the timers of all of them otherwise (0.5 ms with 300). A kernel without multicast
// snooping is as well.
void stop_multicast_snooping(sys::NetlinkSocket& route, int bridge_index);
// A missing bridge is success.
Result<> remove_bridge(sys::NetlinkSocket& route, const std::string& name);

// net.ipv4.ip_forward = 1; Unsupported where it is off and /proc/sys is read-only.
Result<> enable_forwarding();
// net.ipv6.conf.all.forwarding = 1, as docker does for its first network with IPv6.
Result<> enable_forwarding6();

// `error`, as Unsupported with what to do about it, where errno says that the host lacks
// `feature`; else unchanged.
Error explain(Error error, const std::string& feature);

}  // namespace wherry::network
