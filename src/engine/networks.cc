#include "engine/networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "engine/endpoints.h"
#include "engine/filters.h"
#include "engine/network_store.h"
#include "engine/time_bound.h"
#include "engine/unavailable.h"

namespace wherry::engine {
namespace {

using network::Description;
using spec::docker::items;
using spec::docker::Network;

constexpr std::chrono::seconds kEnding{10};  // network rm waits so long for an ended container

constexpr std::array<std::string_view, 7> kListKeys = {"dangling", "driver", "id",  "label",
                                                       "name",     "scope",  "type"};
constexpr std::array<std::string_view, 3> kPruneKeys = {"label", "label!", "until"};

spec::docker::IpamPool describe_pool6(const Description& network) {
  spec::docker::IpamPool pool;
  pool.subnet = network.subnet6;
  pool.ip_range = network.ip_range6;
  if (network.gateway6_shown) pool.gateway = network.gateway6;
  if (!network.auxiliary_addresses6.empty())
    pool.auxiliary_addresses = network.auxiliary_addresses6;
  return pool;
}

spec::docker::Ipam describe_ipam(const Description& network) {
  spec::docker::Ipam ipam;
  if (network.subnet.empty() && network.subnet6.empty()) return ipam;
  if (is_user_defined(network.name)) ipam.options = network.ipam_options;
  if (network.subnet.empty()) {
    ipam.config.emplace().push_back(describe_pool6(network));
    return ipam;
  }
  spec::docker::IpamPool pool;
  pool.subnet = network.subnet;
  pool.ip_range = network.ip_range;
  if (network.gateway_shown) pool.gateway = network.gateway;
  if (!network.auxiliary_addresses.empty())
    pool.auxiliary_addresses = network.auxiliary_addresses;
  ipam.config.emplace().push_back(std::move(pool));
  if (!network.subnet6.empty()) {
    // docker puts what it was told before what it chose.
    const bool told = !is_user_defined(network.name) && network.subnet_chosen && !network.subnet6_chosen;
    ipam.config->insert(told ? ipam.config->begin() : ipam.config->end(), describe_pool6(network));
  }
  return ipam;
}

Network describe(const Description& network) {
  Network shown;
  shown.name = network.name;
  shown.id = network.id.str();
  shown.created = format_rfc3339_nano(network.created);
  shown.driver = network.driver;
  // docker says so of host and none.
  shown.enable_ipv4 = !network.subnet.empty() || network.subnet6.empty();
  shown.enable_ipv6 = !network.subnet6.empty();
  shown.ipam = describe_ipam(network);
  shown.internal = network.internal;
  shown.attachable = network.attachable;
  shown.options = network.options;
  shown.labels = network.labels;
  return shown;
}

// The endpoints on a network of the containers that run: container id -> endpoint.
std::map<std::string, spec::docker::NetworkEndpoint> endpoints_on(Core& core,
                                                                  const Description& network) {
  std::map<std::string, spec::docker::NetworkEndpoint> found;
  for (const ContainerPtr& container : core.containers->all()) {
    const auto details = container->details.lock();
    if (!details->state.has_process()) continue;
    for (const auto& [name, endpoint] : details->state.endpoints) {
      if (!endpoint || endpoint->network_id != network.id.str()) continue;
      auto& shown = found[details->record.id.str()];
      shown.name = details->record.name;
      shown.endpoint_id = endpoint->endpoint_id;
      shown.mac_address = endpoint->mac_address;
      if (!endpoint->ip_address.empty())
        shown.ipv4_address = fmt::format("{}/{}", endpoint->ip_address, endpoint->ip_prefix_len);
      if (!endpoint->global_ipv6_address.empty())
        shown.ipv6_address = fmt::format("{}/{}", endpoint->global_ipv6_address,
                                         endpoint->global_ipv6_prefix_len);
    }
  }
  return found;
}

bool is_predefined(const Description& network) { return !is_user_defined(network.name); }

Result<bool> matches(Core& core, const FilterMap& filters, const Description& network) {
  const auto dangling = filter_values(filters, "dangling");
  if (!dangling.empty()) {
    const bool wanted = TRY(boolean_filter(filters, "dangling", false));
    const bool is = !is_predefined(network) && endpoints_on(core, network).empty();
    if (wanted != is) return false;
  }
  for (const std::string& type : filter_values(filters, "type"))
    if (type != "custom" && type != "builtin")
      return Error::invalid(fmt::format("invalid filter: 'type'='{}'", type));
  return matches_exactly(filters, "driver", network.driver) &&
         matches_pattern(filters, "id", network.id.str()) &&
         matches_pattern(filters, "name", network.name) &&
         matches_exactly(filters, "scope", "local") &&
         matches_exactly(filters, "type", is_predefined(network) ? "builtin" : "custom") &&
         matches_labels(filters, "label", network.labels);
}

bool is_ipv6(const spec::docker::IpamPool& pool) { return pool.subnet.contains(':'); }

std::vector<spec::docker::IpamPool> pools_of(const spec::docker::Ipam& ipam) {
  return ipam.config.value_or(std::vector<spec::docker::IpamPool>{});
}

Result<> check_create(const spec::docker::NetworkCreateRequest& request) {
  if (request.scope == "swarm" || request.scope == "global")
    return not_available(fmt::format("network scope '{}'", request.scope));
  if (request.ingress) return flag_not_available("--ingress");
  if (request.config_only) return flag_not_available("--config-only");
  if (request.config_from && !request.config_from->network.empty())
    return flag_not_available("--config-from");
  if (!request.enable_ipv4.value_or(true)) {
    if (!request.enable_ipv6.value_or(false)) return Error::invalid("IPv4 or IPv6 must be enabled");
  }
  if (!request.ipam) return {};
  const std::string& driver = request.ipam->driver;
  if (!driver.empty() && driver != "default")
    return Error::not_found(fmt::format("plugin \"{}\" not found", driver));
  const auto pools = pools_of(*request.ipam);
  const auto with_ipv6 = std::ranges::count_if(pools, is_ipv6);
  if (with_ipv6 > 1 || std::ssize(pools) - with_ipv6 > 1)
    return Error(ErrorKind::Forbidden,
                 fmt::format("{} driver doesn't support multiple subnets",
                             request.driver.empty() ? "bridge" : request.driver));
  return {};
}

network::NetworkRequest request_from(const spec::docker::NetworkCreateRequest& request) {
  network::NetworkRequest asked;
  asked.name = request.name;
  asked.driver = request.driver.empty() ? "bridge" : request.driver;
  asked.options = items(request.options);
  asked.labels = items(request.labels);
  asked.internal = request.internal;
  asked.attachable = request.attachable;
  asked.ipv4 = request.enable_ipv4.value_or(true);
  asked.ipv6 = request.enable_ipv6.value_or(false);
  if (!request.ipam) return asked;
  asked.ipam_options = request.ipam->options;
  for (const spec::docker::IpamPool& pool : pools_of(*request.ipam)) {
    if (is_ipv6(pool)) {
      asked.ipv6_pool = {pool.subnet, pool.gateway, pool.ip_range, items(pool.auxiliary_addresses)};
      continue;
    }
    asked.subnet = pool.subnet;
    asked.gateway = pool.gateway;
    asked.ip_range = pool.ip_range;
    asked.auxiliary_addresses = items(pool.auxiliary_addresses);
  }
  return asked;
}

// From the caller's check on nobody can join it.
Result<> remove_one(Core& core, const Description& network) {
  TRY(core.networks->remove_network(network.id));
  TRY(delete_network(*core.database, network.id));
  publish_event_of_network(core, network, "destroy", "");
  return {};
}

Error has_endpoints(const Description& network,
                    const std::map<std::string, spec::docker::NetworkEndpoint>& endpoints) {
  std::string list;
  for (const auto& [id, endpoint] : endpoints) {
    if (!list.empty()) list += ", ";
    list += fmt::format("name:\"{}\" id:\"{}\"", endpoint.name, endpoint.endpoint_id.substr(0, 12));
  }
  return {ErrorKind::Forbidden,
          fmt::format("error while removing network: network {} has active endpoints ({})",
                      network.name, list)};
}

// Of a container that has ended, and may be removed already, the endpoint is still there for a
// moment. Without the lock: others make and remove networks meanwhile.
void wait_for_ending(Core& core, const std::string& name) {
  const auto network = core.networks->find_network(name);
  if (network && endpoints_on(core, *network).empty())
    static_cast<void>(core.networks->wait_until_left(network->id, kEnding));
}

// Why its containers may reach nothing beyond it although all was done; docker has no word
// for it.
std::string warning_of(Core& core, const Description& network) {
  if (network.internal || network.driver != "bridge") return {};
  const std::vector<std::string> chains = core.networks->foreign_drops();
  if (chains.empty()) return {};
  return fmt::format(
      "firewall chain {} drops forwarded packets: containers reach other hosts, and are reached, "
      "only where it accepts traffic of {}",
      join(chains, ", "), network.bridge);
}

bool matches_prune(const FilterMap& filters, const Description& network,
                   std::optional<Instant> until) {
  if (until && network.created > *until) return false;
  FilterMap unwanted;
  if (filters.contains("label!")) unwanted["label"] = filter_values(filters, "label!");
  const bool excluded = !unwanted.empty() && matches_labels(unwanted, "label", network.labels);
  return !excluded && matches_labels(filters, "label", network.labels);
}

}  // namespace

void publish_event_of_network(Core& core, const Description& network, const std::string& action,
                              const std::string& container) {
  spec::docker::EventActor actor{.id = network.id.str(), .attributes = {}};
  actor.attributes = {{"name", network.name}, {"type", network.driver}};
  if (!container.empty()) actor.attributes["container"] = container;
  core.events.publish("network", action, std::move(actor));
}

Result<std::vector<Network>> list_networks(Core& core, const FilterMap& filters) {
  TRY(check_filter_keys(filters, kListKeys));
  std::vector<Network> shown;
  for (const Description& network : core.networks->descriptions())
    if (TRY(matches(core, filters, network))) shown.push_back(describe(network));
  std::ranges::sort(shown, {}, &Network::name);
  return shown;
}

Result<Network> inspect_network(Core& core, const std::string& name) {
  const Description network = TRY(core.networks->find_network(name));
  Network shown = describe(network);
  shown.containers = endpoints_on(core, network);
  return shown;
}

Result<spec::docker::NetworkCreateResponse> create_network(
    Core& core, const spec::docker::NetworkCreateRequest& request) {
  TRY(check_create(request));
  const std::lock_guard lock(core.network_operation);
  const Description network = TRY(core.networks->plan_network(request_from(request)));
  // The row before the bridge: whatever happens, the next start knows whose it is.
  Result<> made = insert_network(*core.database, network);
  if (made) made = core.networks->raise_network(network.id);
  if (!made) {
    static_cast<void>(core.networks->remove_network(network.id));
    static_cast<void>(delete_network(*core.database, network.id));
    return std::unexpected(std::move(made).error());
  }
  publish_event_of_network(core, network, "create", "");
  return spec::docker::NetworkCreateResponse{.id = network.id.str(),
                                             .warning = warning_of(core, network)};
}

Result<> remove_network(Core& core, const std::string& name) {
  wait_for_ending(core, name);
  const std::lock_guard lock(core.network_operation);
  const Description network = TRY(core.networks->find_network(name));
  if (is_predefined(network))
    return Error(ErrorKind::Forbidden,
                 fmt::format("{} is a pre-defined network and cannot be removed", network.name));
  const auto endpoints = endpoints_on(core, network);
  if (!endpoints.empty()) return has_endpoints(network, endpoints);
  return remove_one(core, network);
}

Result<spec::docker::NetworkPruneResponse> prune_networks(Core& core, const FilterMap& filters) {
  TRY(check_filter_keys(filters, kPruneKeys));
  const std::optional<Instant> until = TRY(until_filter(filters));
  const std::lock_guard lock(core.network_operation);
  spec::docker::NetworkPruneResponse response;
  for (const Description& network : core.networks->descriptions()) {
    if (is_predefined(network) || !matches_prune(filters, network, until)) continue;
    if (!endpoints_on(core, network).empty() || core.networks->members(network.id) > 0) continue;
    if (const auto removed = remove_one(core, network); !removed) {
      log::warning("network {}: prune: {}", network.name, removed.error().message());
      continue;
    }
    if (!response.networks_deleted) response.networks_deleted.emplace();
    response.networks_deleted->push_back(network.name);
  }
  core.events.publish("network", "prune", {.id = "", .attributes = {{"reclaimed", "0"}}});
  return response;
}

}  // namespace wherry::engine
