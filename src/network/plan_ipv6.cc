// The IPv6 half of plan(): subnet, gateway and range of a network with two families.
#include <fmt/format.h>

#include <algorithm>

#include "network/plan.h"

namespace wherry::network {
namespace {

constexpr unsigned kLongestPrefix6 = 126;  // a gateway and a container

Error bad_config6(const std::string& what) {
  return Error::invalid("invalid network config:\n" + what);
}

Result<Subnet6> subnet6_from(const std::string& text, std::string_view what) {
  const auto cidr = parse_cidr6(text);
  if (!cidr) return bad_config6(fmt::format("invalid {} {}: invalid CIDR block notation", what, text));
  const Subnet6 subnet = subnet6_of(cidr->ip, cidr->prefix);
  if (subnet.base != cidr->ip)
    return bad_config6(fmt::format("invalid {} {}: it should be {}", what, text, subnet.str()));
  return subnet;
}

Result<Ipv6> member6_of(const Subnet6& subnet, const std::string& text, std::string_view what) {
  const auto ip = parse_ipv6(text.substr(0, text.find('/')));
  if (!ip) return bad_config6(fmt::format("invalid {} {}: invalid address", what, text));
  if (!subnet.contains(*ip) || *ip == subnet.base)
    return bad_config6(fmt::format("invalid {} {}: parent subnet {} doesn't contain this address",
                                   what, text, subnet.str()));
  return *ip;
}

std::vector<Subnet6> subnets6_of(std::span<const Description> networks) {
  std::vector<Subnet6> subnets;
  for (const Description& network : networks)
    if (const auto cidr = parse_cidr6(network.subnet6))
      subnets.push_back(subnet6_of(cidr->ip, cidr->prefix));
  return subnets;
}

Result<Subnet6> settle_subnet6(const PoolRequest& pool, const Surroundings& surroundings) {
  const std::vector<Subnet6> taken = subnets6_of(surroundings.networks);
  if (pool.subnet.empty()) {
    if (const auto subnet = surroundings.pools.choose6(surroundings.seed, taken)) return *subnet;
    return Error(ErrorKind::Unavailable, "all predefined address pools have been fully subnetted");
  }
  const Subnet6 subnet = TRY(subnet6_from(pool.subnet, "subnet"));
  if (subnet.prefix > kLongestPrefix6)
    return bad_config6(
        fmt::format("invalid subnet {}: no room for a gateway and a container", pool.subnet));
  for (const Subnet6& reserved : {Subnet6{{0xfe80ULL << 48, 0}, 10}, Subnet6{{0xff00ULL << 48, 0}, 8},
                                  Subnet6{{0, 0}, 96}})
    if (subnet.overlaps(reserved))
      return bad_config6(fmt::format("invalid subnet {}: overlaps the reserved addresses {}",
                                     pool.subnet, reserved.str()));
  const bool overlap =
      std::ranges::any_of(taken, [&](const Subnet6& other) { return subnet.overlaps(other); });
  if (overlap)
    return Error(ErrorKind::Forbidden,
                 "invalid pool request: Pool overlaps with other one on this address space");
  return subnet;
}

}  // namespace

Result<> settle_ipv6(const NetworkRequest& request, const Surroundings& surroundings,
                     Description& network) {
  const PoolRequest& pool = request.ipv6_pool;
  if (!request.ipv6) {
    if (pool.subnet.empty()) return {};
    return bad_config6(fmt::format("invalid subnet {}: IPv6 is not enabled on the network",
                                   pool.subnet));
  }
  network.subnet6_chosen = pool.subnet.empty();
  const Subnet6 subnet = TRY(settle_subnet6(pool, surroundings));
  network.subnet6 = subnet.str();
  Subnet6 range = subnet;
  if (!pool.ip_range.empty()) {
    range = TRY(subnet6_from(pool.ip_range, "ip-range"));
    if (!subnet.contains(range.base) || range.prefix < subnet.prefix)
      return bad_config6(
          fmt::format("invalid ip-range {}: parent subnet {} doesn't contain ip-range",
                      pool.ip_range, subnet.str()));
    network.ip_range6 = range.str();
  }
  std::vector<Ipv6> auxiliary;
  for (const auto& [name, text] : pool.auxiliary_addresses) {
    auxiliary.push_back(TRY(member6_of(subnet, text, "auxiliary address")));
    network.auxiliary_addresses6[name] = auxiliary.back().str();
  }
  network.gateway6_shown = !pool.gateway.empty() || network.subnet6_chosen;
  if (!pool.gateway.empty()) {
    network.gateway6 = TRY(member6_of(subnet, pool.gateway, "gateway")).str();
    return {};
  }
  Ipv6 gateway = range.base;
  if (gateway == subnet.base) ++gateway.low;
  while (std::ranges::find(auxiliary, gateway) != auxiliary.end()) ++gateway.low;
  network.gateway6 = gateway.str();
  return {};
}

Result<std::optional<Addressing6>> addressing6(const Description& network) {
  if (network.subnet6.empty()) return std::optional<Addressing6>{};
  const auto subnet = parse_cidr6(network.subnet6);
  const auto gateway = parse_ipv6(network.gateway6);
  if (!subnet || !gateway)
    return Error::invalid(fmt::format("network {}: invalid addresses \"{}\" and \"{}\"",
                                      network.name, network.subnet6, network.gateway6));
  Addressing6 result{subnet6_of(subnet->ip, subnet->prefix), *gateway, std::nullopt, {}, *gateway};
  if (const auto range = parse_cidr6(network.ip_range6))
    result.range = subnet6_of(range->ip, range->prefix);
  for (const auto& [name, text] : network.auxiliary_addresses6)
    if (const auto ip = parse_ipv6(text)) {
      result.auxiliary.push_back(*ip);
      if (name == kDefaultGateway6) result.container_gateway = *ip;
    }
  return std::optional(std::move(result));
}

const Endpoint* default_route_endpoint6(std::span<const Endpoint> endpoints,
                                        std::span<const NetworkId> internal) {
  std::vector<Endpoint> with_ipv6;
  for (const Endpoint& endpoint : endpoints)
    if (!endpoint.gateway6.empty()) with_ipv6.push_back(endpoint);
  const Endpoint* best = default_route_endpoint(with_ipv6, internal);
  if (best == nullptr) return nullptr;
  return &*std::ranges::find(endpoints, best->endpoint_id, &Endpoint::endpoint_id);
}

}  // namespace wherry::network
