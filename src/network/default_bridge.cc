#include "network/default_bridge.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "network/bridge.h"
#include "network/plan.h"

namespace wherry::network {
namespace {

constexpr unsigned kSmallestMtu6 = 1280;  // RFC 8200, section 5
constexpr unsigned kLongestPrefix = 30;
constexpr unsigned kLongestPrefix6 = 126;

// The words of Go's netip.ParsePrefix.
Result<Cidr6> parse_fixed_cidr6(const std::string& text) {
  const auto refuse = [](const std::string& why) {
    return Error::invalid("invalid fixed-cidr-v6: invalid fixed-cidr-v6: " + why);
  };
  if (!text.contains('/')) return refuse(fmt::format("netip.ParsePrefix({}): no '/'", quote(text)));
  if (parse_cidr(text)) return refuse(fmt::format("'{}' is not a valid IPv6 subnet", text));
  const auto cidr = parse_cidr6(text);
  if (!cidr) return refuse(fmt::format("netip.ParsePrefix({}): unable to parse", quote(text)));
  if (cidr->prefix > kLongestPrefix6)
    return refuse(fmt::format("{}: no room for the bridge and a container", text));
  return *cidr;
}

Error outside_pool(std::string_view name, const std::string& ip, const std::string& subnet) {
  return Error::invalid(
      fmt::format("Error initializing network controller: error creating default \"bridge\" network: "
                  "auxiliary address: ({}:{}) must belong to the master pool: {}",
                  name, ip, subnet));
}

Result<> check_fixed_cidr(const DefaultBridge& settings) {
  if (settings.fixed_cidr.empty()) return {};
  const auto range = parse_cidr(settings.fixed_cidr);
  if (!range)
    return Error::invalid("Error initializing network controller: parse fixed-cidr failed: invalid "
                          "CIDR address: " + settings.fixed_cidr);
  if (settings.bip.empty() && range->prefix > kLongestPrefix)
    return Error::invalid(fmt::format("invalid --fixed-cidr {}: no room for the bridge and a container",
                                      settings.fixed_cidr));
  const auto bip = parse_cidr(settings.bip);
  if (bip && !subnet_of(bip->ip, bip->prefix).overlaps(subnet_of(range->ip, range->prefix)))
    return Error::invalid(fmt::format("invalid --fixed-cidr {}: it is outside of --bip {}",
                                      settings.fixed_cidr, settings.bip));
  return {};
}

Result<> check_ipv6_settings(const DefaultBridge& settings, unsigned mtu) {
  if (!settings.fixed_cidr6.empty()) TRY(parse_fixed_cidr6(settings.fixed_cidr6));
  if (!settings.bip6.empty() && !parse_cidr6(settings.bip6))
    return Error::invalid("invalid bip6: invalid CIDR address: " + settings.bip6);
  if (!settings.gateway6.empty() && !parse_ipv6(settings.gateway6))
    return Error::invalid("invalid IP address: " + settings.gateway6);
  if (settings.ipv6 && mtu < kSmallestMtu6)
    return Error::invalid(fmt::format("invalid MTU: {}: IPv6 needs {} at least", mtu, kSmallestMtu6));
  return {};
}

// Only what narrows the subnet down.
Result<> settle_range(const DefaultBridge& settings, Description& network) {
  const auto range = parse_cidr(settings.fixed_cidr);
  if (!range) return {};
  network.ip_range = subnet_of(range->ip, range->prefix).str();
  network.gateway_shown = !settings.bip.empty();
  return {};
}

Result<> settle_gateway(const DefaultBridge& settings, Description& network) {
  if (settings.gateway.empty()) return {};
  const auto subnet = parse_cidr(network.subnet);
  const auto ip = parse_ipv4(settings.gateway);
  if (!ip || !subnet || !subnet_of(subnet->ip, subnet->prefix).contains(*ip))
    return outside_pool(kDefaultGateway, settings.gateway, network.subnet);
  network.auxiliary_addresses[std::string(kDefaultGateway)] = ip->str();
  return {};
}

PoolRequest pool6_of(const DefaultBridge& settings, const std::optional<Cidr6>& present) {
  PoolRequest pool;
  const auto bip = parse_cidr6(settings.bip6);
  const auto range = parse_cidr6(settings.fixed_cidr6);
  if (range) pool.ip_range = subnet6_of(range->ip, range->prefix).str();
  const auto base = bip ? bip : range ? range : present;
  if (base) pool.subnet = subnet6_of(base->ip, base->prefix).str();
  if (bip) pool.gateway = bip->ip.str();
  return pool;
}

Result<> settle_default_ipv6(const DefaultBridge& settings, const DefaultSurroundings& around,
                             Description& network) {
  std::vector<Description> others;
  for (const std::string& subnet : around.subnets6) {
    others.emplace_back();
    others.back().subnet6 = subnet;
  }
  NetworkRequest request;
  request.ipv6 = true;
  request.ipv6_pool = pool6_of(settings, around.present);
  const Surroundings surroundings{
      .networks = others, .routed = {}, .seed = around.seed, .pools = around.pools};
  const bool chosen = settings.bip6.empty() && settings.fixed_cidr6.empty();
  auto settled = settle_ipv6(request, surroundings, network);
  if (!settled && chosen) {
    // What the bridge has is somebody else's by now.
    request.ipv6_pool = {};
    settled = settle_ipv6(request, surroundings, network);
  }
  TRY_AS("error creating default \"bridge\" network", std::move(settled));
  network.subnet6_chosen = chosen;
  network.gateway6_shown = chosen || !settings.bip6.empty();
  if (settings.gateway6.empty()) return {};
  const auto subnet = parse_cidr6(network.subnet6);
  const auto ip = parse_ipv6(settings.gateway6);
  if (!subnet || !ip || !subnet6_of(subnet->ip, subnet->prefix).contains(*ip))
    return outside_pool(kDefaultGateway6, settings.gateway6, network.subnet6);
  network.auxiliary_addresses6[std::string(kDefaultGateway6)] = ip->str();
  return {};
}

}  // namespace

Result<> check_default_bridge(const DefaultBridge& settings, unsigned mtu) {
  if (!settings.bip.empty()) TRY(parse_bip(settings.bip));
  TRY(check_fixed_cidr(settings));
  if (!settings.gateway.empty() && !parse_ip(settings.gateway))
    return Error::invalid("invalid IP address: " + settings.gateway);
  if (!settings.host_binding.empty() && !parse_ipv4(settings.host_binding))
    return Error::invalid("invalid IP address: " + settings.host_binding);
  return check_ipv6_settings(settings, mtu);
}

std::string wanted_bip(const DefaultBridge& settings) {
  const auto range = parse_cidr(settings.fixed_cidr);
  if (!settings.bip.empty() || !range) return settings.bip;
  const Subnet subnet = subnet_of(range->ip, range->prefix);
  return fmt::format("{}/{}", Ipv4{subnet.base.value + 1}.str(), subnet.prefix);
}

Result<> settle_default_bridge(const DefaultBridge& settings,
                               const DefaultSurroundings& surroundings, Description& network) {
  network.subnet_chosen = settings.bip.empty() && settings.fixed_cidr.empty();
  TRY(settle_range(settings, network));
  TRY(settle_gateway(settings, network));
  if (!settings.ipv6) return {};
  return settle_default_ipv6(settings, surroundings, network);
}

}  // namespace wherry::network
