#include "engine/endpoints.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/unavailable.h"
#include "engine/validate.h"
#include "network/ipv6.h"

namespace wherry::engine {
namespace {

using spec::docker::EndpointMap;
using spec::docker::EndpointSettings;
using spec::docker::items;

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
}

bool asks_for_address(const EndpointSettings& wishes) {
  const auto& ipam = wishes.ipam_config;
  return ipam && !ipam->ipv4_address.empty();
}

bool asks_for_address6(const EndpointSettings& wishes) {
  const auto& ipam = wishes.ipam_config;
  return ipam && !ipam->ipv6_address.empty();
}

std::vector<std::string> link_local_ips(const EndpointSettings& wishes) {
  return wishes.ipam_config ? items(wishes.ipam_config->link_local_ips) : std::vector<std::string>{};
}

std::string settled_key(Core& core, const std::string& key) {
  if (key.empty() || key == "default") return "bridge";
  const auto network = core.networks->find_network(key);
  return network ? network->name : key;
}

Result<EndpointSettings> settle_mac(const ContainerRecord& record, EndpointSettings wishes) {
  const std::string& mac = record.config.mac_address;
  if (mac.empty()) return wishes;
  if (!wishes.mac_address.empty() && wishes.mac_address != mac)
    return Error::invalid(
        "the container-wide MAC address must match the endpoint-specific MAC address for the main "
        "network, or be left empty");
  wishes.mac_address = mac;
  return wishes;
}

}  // namespace

bool has_interfaces(const network::Description& network) {
  return network.driver == "bridge" || network.driver == "macvlan";
}

bool is_user_defined(std::string_view mode) {
  return mode != "bridge" && mode != "host" && mode != "none" && mode != "default" &&
         !mode.empty() && !joined_container(mode);
}

Result<> check_endpoint_wishes(const network::Description& network,
                               const EndpointSettings& wishes) {
  const auto refuse = [&](std::string_view reason) {
    return Error::invalid(fmt::format("invalid config for network {}: invalid endpoint settings:\n{}",
                                      network.name, reason));
  };
  for (const std::string& text : link_local_ips(wishes)) {
    const auto ip = network::parse_ip(text);
    if (!ip || network::is_unspecified(*ip))
      return refuse(fmt::format("invalid link-local IP address: {}", text));
    if (!has_interfaces(network))
      return refuse(fmt::format("link-local IP addresses are not supported on network {}", network.name));
  }
  if (!is_user_defined(network.name)) {
    if (asks_for_address(wishes) || asks_for_address6(wishes))
      return refuse("user specified IP address is supported on user defined networks only");
    if (!items(wishes.aliases).empty())
      return refuse(
          "network-scoped aliases are only supported for user-defined networks");
    return {};
  }
  const bool chosen6 = network.subnet6.empty() || network.subnet6_chosen;
  if ((asks_for_address(wishes) && network.subnet_chosen) || (asks_for_address6(wishes) && chosen6))
    return refuse(
        "user specified IP address is supported only when connecting to networks with user "
        "configured subnets");
  return {};
}

Result<> settle_endpoints(Core& core, ContainerRecord& record) {
  const std::string& mode = record.host_config.network_mode;
  if (const auto joined = joined_container(mode)) {
    if (!record.endpoints.empty())
      return Error::invalid(
          "conflicting options: cannot attach both user-defined and non-user-defined network-modes");
    return {};
  }
  EndpointMap settled;
  for (const auto& [key, wishes] : record.endpoints) {
    const std::string name = settled_key(core, key);
    if (settled.contains(name))
      return Error::invalid(fmt::format("network {} is specified multiple times", name));
    settled[name] = wishes.value_or(EndpointSettings{});
  }
  const std::string primary = settled_key(core, mode);
  const bool alone = primary == "host" || primary == "none";
  if (alone && (settled.size() > 1 || (settled.size() == 1 && !settled.contains(primary))))
    return Error::invalid(fmt::format(
        "container cannot be connected to multiple networks with one of the networks in {} mode",
        primary == "none" ? "private (none)" : "host"));
  settled[primary] = TRY(settle_mac(record, settled[primary].value_or(EndpointSettings{})));
  for (const auto& [name, wishes] : settled)
    if (const auto network = core.networks->find_network(name))
      TRY(check_endpoint_wishes(*network, *wishes));
  record.endpoints = std::move(settled);
  return {};
}

Result<std::vector<WantedEndpoint>> wanted_endpoints(Core& core, const ContainerRecord& record) {
  std::vector<WantedEndpoint> wanted;
  const auto add = [&](const std::string& name, const EndpointSettings& wishes) -> Result<> {
    auto network = TRY(core.networks->find_network(name));
    if (!has_interfaces(network))
      return Error(ErrorKind::Forbidden,
                   fmt::format("container cannot be connected to network {} beside others", name));
    TRY(check_endpoint_wishes(network, wishes));
    const auto same = [&](const auto& other) { return other.network.id == network.id; };
    if (std::ranges::none_of(wanted, same)) wanted.push_back({std::move(network), wishes});
    return {};
  };
  const std::string primary = settled_key(core, record.host_config.network_mode);
  const auto main = record.endpoints.find(primary);
  // A container whose last network was disconnected has none: it starts with lo alone.
  if (main != record.endpoints.end() || record.endpoints.empty())
    TRY(add(primary, main == record.endpoints.end() ? EndpointSettings{}
                                                    : main->second.value_or(EndpointSettings{})));
  for (const auto& [name, wishes] : record.endpoints)
    if (name != primary) TRY(add(name, wishes.value_or(EndpointSettings{})));
  return wanted;
}

network::EndpointWishes wishes_from(const EndpointSettings& settings) {
  network::EndpointWishes wishes;
  if (asks_for_address(settings)) wishes.ip = settings.ipam_config->ipv4_address;
  if (asks_for_address6(settings)) wishes.ip6 = settings.ipam_config->ipv6_address;
  if (!settings.mac_address.empty()) wishes.mac = settings.mac_address;
  wishes.gateway_priority = settings.gw_priority;
  wishes.link_local = link_local_ips(settings);
  return wishes;
}

std::vector<std::string> names_on_network(const ContainerRecord& record,
                                          const EndpointSettings& wishes) {
  std::vector<std::string> names;
  add_once(names, record.name);
  for (const std::string& alias : items(wishes.aliases)) add_once(names, alias);
  add_once(names, record.id.short_form());
  add_once(names, record.config.hostname);
  return names;
}

EndpointSettings describe_endpoint(const network::Endpoint& endpoint,
                                   const EndpointSettings& wishes,
                                   const ContainerRecord& record) {
  EndpointSettings shown;
  shown.ipam_config = wishes.ipam_config;
  shown.links = wishes.links;
  shown.aliases = wishes.aliases;
  shown.driver_opts = wishes.driver_opts;
  shown.gw_priority = wishes.gw_priority;
  shown.network_id = endpoint.network_id.str();
  shown.endpoint_id = endpoint.endpoint_id;
  shown.gateway = endpoint.gateway;
  shown.ip_address = endpoint.ip;
  shown.ip_prefix_len = endpoint.prefix;
  shown.mac_address = endpoint.mac;
  shown.ipv6_gateway = endpoint.gateway6;
  shown.global_ipv6_address = endpoint.ip6;
  shown.global_ipv6_prefix_len = endpoint.prefix6;
  if (is_user_defined(endpoint.network_name)) shown.dns_names = names_on_network(record, wishes);
  return shown;
}

void note_member(Core& core, const ContainerRecord& record, const network::Description& network,
                 const EndpointSettings& endpoint, const sys::Fd& netns) {
  core.members.join({.container = record.id,
                     .network = network.id,
                     .network_name = network.name,
                     .user_defined = is_user_defined(network.name),
                     .internal = network.internal,
                     .names = names_on_network(record, endpoint),
                     .links = items(endpoint.links),
                     .ip = endpoint.ip_address,
                     .ip6 = endpoint.global_ipv6_address,
                     .mac = endpoint.mac_address},
                    netns);
}

Result<JoinedNetworks> join_networks(Core& core, const ContainerRecord& record) {
  const std::vector<WantedEndpoint> wanted = TRY(wanted_endpoints(core, record));
  JoinedNetworks joined;
  for (const WantedEndpoint& want : wanted) {
    const network::EndpointWishes wishes = wishes_from(want.wishes);
    std::optional<network::Endpoint> endpoint;
    if (joined.netns) {
      endpoint = TRY(core.networks->join({record.id, want.network.id, wishes}, joined.netns));
    } else {
      network::Sandbox sandbox =
          TRY(core.networks->take({.container = record.id,
                                   .mode = network::Mode::Bridge,
                                   .ip = wishes.ip,
                                   .mac = wishes.mac,
                                   .network = want.network.id,
                                   .gateway_priority = wishes.gateway_priority,
                                   .ip6 = wishes.ip6,
                                   .link_local = wishes.link_local}));
      joined.netns = std::move(sandbox.netns);
      endpoint = std::move(sandbox.endpoint);
    }
    const EndpointSettings shown = describe_endpoint(*endpoint, want.wishes, record);
    joined.endpoints[want.network.name] = shown;
    note_member(core, record, want.network, shown, joined.netns);
  }
  if (!joined.netns)
    joined.netns =
        TRY(core.networks->take({.container = record.id, .mode = network::Mode::None})).netns;
  return joined;
}

}  // namespace wherry::engine
