#include "network/plan.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "network/ipam.h"
#include "network/macvlan.h"

namespace wherry::network {
namespace {

constexpr std::string_view kPrefix = "com.docker.network.";
constexpr std::size_t kMaximumName = 255;
constexpr std::size_t kMaximumOptions = 256;  // of each kind: options, labels, addresses
// Longer prefixes leave no room for a gateway and a container.
constexpr unsigned kLongestPrefix = 30;

// Go's strconv.ParseBool.
std::optional<bool> parse_bool(std::string_view text) {
  constexpr std::array<std::string_view, 6> yes = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array<std::string_view, 6> no = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::ranges::find(yes, text) != yes.end()) return true;
  if (std::ranges::find(no, text) != no.end()) return false;
  return std::nullopt;
}

Result<bool> boolean(const std::string& key, const std::string& value) {
  if (const auto parsed = parse_bool(value)) return *parsed;
  return Error::invalid(fmt::format("strconv.ParseBool: parsing {}: invalid syntax ({})",
                                    quote(value), key));
}

Error not_available(std::string_view what) {
  return {ErrorKind::NotImplemented,
          fmt::format("wherry: {} is not available in wherry " WHERRY_VERSION, what)};
}

// docker takes any text: nothing of the kernel's or the resolver's is named by it. What would
// garble a terminal or a line of the log is refused all the same.
bool is_printable(std::string_view name) {
  return std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_interface_name(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 127 && c != '/' && c != ':'; });
}

Result<> check_driver(const std::string& driver) {
  if (driver.empty() || driver == "default" || driver == "bridge" || driver == "macvlan") return {};
  if (driver == "host" || driver == "null")
    return Error(ErrorKind::Forbidden,
                 fmt::format("only one instance of \"{}\" network is allowed", driver));
  if (driver == "ipvlan" || driver == "overlay")
    return not_available(fmt::format("network driver '{}'", driver));
  return Error::not_found(fmt::format("plugin \"{}\" not found", driver));
}

Result<> check_name(const NetworkRequest& request, std::span<const Description> networks) {
  const std::string& name = request.name;
  if (name == "bridge" || name == "host" || name == "none" || name == "default")
    return Error(ErrorKind::Forbidden,
                 fmt::format("operation is not permitted on predefined {} network", name));
  if (trim(name).empty()) return Error::invalid("invalid name: name is empty");
  if (name.size() > kMaximumName)
    return Error::invalid(fmt::format("invalid name: longer than {} bytes", kMaximumName));
  if (!is_printable(name)) return Error::invalid("invalid name: it has control characters");
  const bool taken = std::ranges::any_of(networks, [&](const auto& n) { return n.name == name; });
  if (taken) return Error::conflict(fmt::format("network with name {} already exists", name));
  return {};
}

Error bad_config(std::string_view what) {
  return Error::invalid(fmt::format("invalid network config:\n{}", what));
}

Result<Subnet> subnet_from(const std::string& text, std::string_view what) {
  const auto cidr = parse_cidr(text);
  if (!cidr)
    return bad_config(fmt::format("invalid {} {}: invalid CIDR block notation", what, text));
  const Subnet subnet = subnet_of(cidr->ip, cidr->prefix);
  if (subnet.base != cidr->ip)
    return bad_config(fmt::format("invalid {} {}: it should be {}", what, text, subnet.str()));
  return subnet;
}

Result<Ipv4> member_of(const Subnet& subnet, const std::string& text, std::string_view what) {
  // docker's --aux-address and --gateway take "10.0.0.1" and "10.0.0.1/24".
  const auto parts = cut(text, '/');
  const auto ip = parse_ipv4(parts ? parts->before : std::string_view(text));
  if (!ip) return bad_config(fmt::format("invalid {} {}: invalid address", what, text));
  if (!subnet.contains(*ip))
    return bad_config(fmt::format("invalid {} {}: parent subnet {} doesn't contain this address",
                                  what, text, subnet.str()));
  return *ip;
}

std::vector<Subnet> subnets_of(std::span<const Description> networks) {
  std::vector<Subnet> subnets;
  for (const Description& network : networks)
    if (const auto cidr = parse_cidr(network.subnet))
      subnets.push_back(subnet_of(cidr->ip, cidr->prefix));
  return subnets;
}

Result<Subnet> asked_subnet(const NetworkRequest& request, const Surroundings& surroundings) {
  const Subnet subnet = TRY(subnet_from(request.subnet, "subnet"));
  if (subnet.prefix > kLongestPrefix)
    return bad_config(fmt::format("invalid subnet {}: no room for a gateway and a container",
                                  request.subnet));
  for (const Subnet& other : subnets_of(surroundings.networks))
    if (subnet.overlaps(other))
      return Error(ErrorKind::Forbidden,
                   "invalid pool request: Pool overlaps with other one on this address space");
  return subnet;
}

Result<Subnet> chosen_subnet(const NetworkRequest& request, const Surroundings& surroundings) {
  const bool needs_subnet = !request.gateway.empty() || !request.ip_range.empty() ||
                            !request.auxiliary_addresses.empty();
  if (needs_subnet) return bad_config("invalid subnet : invalid CIDR block notation");
  std::vector<Subnet> taken = subnets_of(surroundings.networks);
  taken.insert(taken.end(), surroundings.routed.begin(), surroundings.routed.end());
  if (const auto subnet = surroundings.pools.choose(taken)) return *subnet;
  return Error(ErrorKind::Unavailable,
               "all predefined address pools have been fully subnetted");
}

Result<> settle_addresses(const NetworkRequest& request, const Surroundings& surroundings,
                          Description& network) {
  network.subnet_chosen = request.subnet.empty();
  const Subnet subnet = TRY(network.subnet_chosen ? chosen_subnet(request, surroundings)
                                                  : asked_subnet(request, surroundings));
  network.subnet = subnet.str();
  Subnet range = subnet;
  if (!request.ip_range.empty()) {
    range = TRY(subnet_from(request.ip_range, "ip-range"));
    if (!subnet.contains(range.base) || range.prefix < subnet.prefix)
      return bad_config(fmt::format("invalid ip-range {}: parent subnet {} doesn't contain ip-range",
                                    request.ip_range, subnet.str()));
    network.ip_range = range.str();
  }
  std::vector<Ipv4> auxiliary;
  for (const auto& [name, text] : request.auxiliary_addresses) {
    auxiliary.push_back(TRY(member_of(subnet, text, "auxiliary address")));
    network.auxiliary_addresses[name] = auxiliary.back().str();
  }
  network.gateway_shown = !request.gateway.empty() || network.subnet_chosen;
  if (!request.gateway.empty()) {
    network.gateway = TRY(member_of(subnet, request.gateway, "gateway")).str();
    return {};
  }
  // The first of the range, as the first lease of docker's allocator.
  Ipv4 gateway{range.base.value == subnet.base.value ? subnet.base.value + 1 : range.base.value};
  while (std::ranges::find(auxiliary, gateway) != auxiliary.end()) ++gateway.value;
  network.gateway = gateway.str();
  return {};
}

Result<> check_limits(const NetworkRequest& request) {
  const std::size_t most = std::max({request.options.size(), request.labels.size(),
                                     request.auxiliary_addresses.size(),
                                     request.ipv6_pool.auxiliary_addresses.size(),
                                     request.ipam_options ? request.ipam_options->size() : 0});
  if (most > kMaximumOptions)
    return Error::invalid(fmt::format("more than {} options, labels or addresses", kMaximumOptions));
  return {};
}

struct Setting {
  std::string_view key;
  Result<> (*take)(BridgeSettings& settings, const std::string& key, const std::string& value);
};

Result<> take_icc(BridgeSettings& settings, const std::string& key, const std::string& value) {
  settings.icc = TRY(boolean(key, value)) ? Icc::On : Icc::Off;
  return {};
}
Result<> take_masquerade(BridgeSettings& settings, const std::string& key,
                         const std::string& value) {
  settings.masquerade = TRY(boolean(key, value));
  return {};
}
Result<> take_mtu(BridgeSettings& settings, const std::string& key, const std::string& value) {
  const auto mtu = parse_u64(value);
  if (!mtu || *mtu < 68 || *mtu > 65535)
    return Error::invalid(fmt::format("invalid value for {}: {}", key, quote(value)));
  settings.mtu = static_cast<unsigned>(*mtu);
  return {};
}
Result<> take_name(BridgeSettings& settings, const std::string& /*key*/,
                   const std::string& value) {
  if (!is_interface_name(value))
    return Error::invalid(fmt::format("invalid bridge name: {}", quote(value)));
  settings.bridge = value;
  return {};
}
Result<> take_binding(BridgeSettings& settings, const std::string& key, const std::string& value) {
  const auto ip = parse_ipv4(value);
  if (!ip) return Error::invalid(fmt::format("invalid value for {}: {}", key, quote(value)));
  settings.host_binding = *ip;
  return {};
}
Result<> take_gateway_mode(BridgeSettings& /*settings*/, const std::string& key,
                           const std::string& value) {
  if (value.empty() || value == "nat") return {};
  return not_available(fmt::format("network option '{}={}'", key, value));
}

constexpr std::array kSettings = {
    Setting{"bridge.enable_icc", take_icc},
    Setting{"bridge.enable_ip_masquerade", take_masquerade},
    Setting{"bridge.host_binding_ipv4", take_binding},
    Setting{"bridge.name", take_name},
    Setting{"bridge.gateway_mode_ipv4", take_gateway_mode},
    Setting{"bridge.gateway_mode_ipv6", take_gateway_mode},
    Setting{"driver.mtu", take_mtu},
};

}  // namespace

Result<BridgeSettings> bridge_settings(const std::map<std::string, std::string>& options) {
  BridgeSettings settings;
  for (const auto& [key, value] : options) {
    // docker ignores the keys of other drivers; its own we do or refuse.
    if (!key.starts_with(kPrefix) || key == "com.docker.network.bridge.default_bridge") continue;
    const std::string_view name = std::string_view(key).substr(kPrefix.size());
    const auto setting = std::ranges::find(kSettings, name, &Setting::key);
    if (setting == kSettings.end())
      return not_available(fmt::format("network option '{}'", key));
    TRY(setting->take(settings, key, value));
  }
  return settings;
}

namespace {

Result<> settle_bridge(const Surroundings& surroundings, Description& network) {
  const BridgeSettings settings = TRY(bridge_settings(network.options));
  network.bridge = settings.bridge.empty() ? "br-" + network.id.short_form() : settings.bridge;
  const bool taken = std::ranges::any_of(surroundings.networks, [&](const Description& other) {
    return other.bridge == network.bridge;
  });
  if (!taken) return {};
  return Error(ErrorKind::Forbidden,
               fmt::format("bridge name {} is already in use by another network", network.bridge));
}

}  // namespace

Result<Description> plan(const NetworkRequest& request, const Surroundings& surroundings) {
  TRY(check_limits(request));
  TRY(check_driver(request.driver));
  TRY(check_name(request, surroundings.networks));
  Description network;
  network.id = NetworkId::random();
  network.name = request.name;
  network.driver = request.driver == "macvlan" ? request.driver : "bridge";
  network.created = now();
  network.options = request.options;
  network.labels = request.labels;
  network.internal = request.internal;
  network.attachable = request.attachable;
  network.ipam_options = request.ipam_options;
  if (is_macvlan(network)) TRY(macvlan_settings(network.options));
  else TRY(settle_bridge(surroundings, network));
  if (request.ipv4) TRY(settle_addresses(request, surroundings, network));
  else if (!request.subnet.empty())
    return bad_config(fmt::format("invalid subnet {}: IPv4 is not enabled on the network", request.subnet));
  TRY(settle_ipv6(request, surroundings, network));
  return network;
}

Result<Addressing> addressing(const Description& network) {
  const auto subnet = parse_cidr(network.subnet);
  const auto gateway = parse_ipv4(network.gateway);
  if (!subnet || !gateway)
    return Error::invalid(fmt::format("network {}: invalid addresses {} and {}", network.name,
                                      quote(network.subnet), quote(network.gateway)));
  Addressing result{subnet_of(subnet->ip, subnet->prefix), *gateway, std::nullopt, {}, *gateway};
  if (const auto range = parse_cidr(network.ip_range))
    result.range = subnet_of(range->ip, range->prefix);
  for (const auto& [name, text] : network.auxiliary_addresses)
    if (const auto ip = parse_ipv4(text)) {
      result.auxiliary.push_back(*ip);
      if (name == kDefaultGateway) result.container_gateway = *ip;
    }
  return result;
}

const Endpoint* default_route_endpoint(std::span<const Endpoint> endpoints,
                                       std::span<const NetworkId> internal) {
  const Endpoint* best = nullptr;
  for (const Endpoint& endpoint : endpoints) {
    if (std::ranges::find(internal, endpoint.network_id) != internal.end()) continue;
    const bool better = best == nullptr || endpoint.gateway_priority > best->gateway_priority ||
                        (endpoint.gateway_priority == best->gateway_priority &&
                         endpoint.network_name < best->network_name);
    if (better) best = &endpoint;
  }
  return best;
}

}  // namespace wherry::network
