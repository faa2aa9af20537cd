// Networks that users make and remove.
#include <fmt/format.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "network/bridge.h"
#include "network/kernel_networks.h"

namespace wherry::network {
namespace {

constexpr std::size_t kMaximumNetworks = 4096;

}  // namespace

Result<Description> KernelNetworks::plan_network(const NetworkRequest& request) {
  if (problem_) return Error(*problem_);
  std::vector<Subnet> routed;
  {
    const std::scoped_lock lock(route_mutex_);
    routed = TRY(taken_subnets(route_, 0));
  }
  auto state = state_.lock();
  std::vector<Description> networks;
  for (const auto& [id, segment] : state->segments) networks.push_back(segment.description);
  if (networks.size() >= kMaximumNetworks)
    return Error(ErrorKind::Unavailable,
                 fmt::format("this engine has {} networks, which is its limit", kMaximumNetworks));
  Description network = TRY(
      plan(request, {.networks = networks,
                     .routed = routed,
                     .seed = options_.engine_id,
                     .pools = TRY(AddressPools::from(options_.address_pools))}));
  state->segments.emplace(network.id, TRY(make_segment(network)));
  return network;
}

Result<> KernelNetworks::raise_segment(const NetworkId& id) {
  Description network;
  unsigned mtu = 0;
  std::string address;
  std::optional<Cidr6> ipv6;
  {
    auto state = state_.lock();
    const auto found = state->segments.find(id);
    if (found == state->segments.end())
      return Error::not_found(fmt::format("network {} not found", id.str()));
    network = found->second.description;
    mtu = found->second.settings.mtu;
    if (const auto& addresses = found->second.addressing)
      address = fmt::format("{}/{}", network.gateway, addresses->subnet.prefix);
    if (const auto& addresses = found->second.addressing6)
      ipv6 = Cidr6{addresses->gateway, addresses->subnet.prefix};
  }
  // Its rules first: no moment without them. Before restore() nothing new runs on it.
  if (state_.lock()->restored) TRY_AS("nf_tables", write_table());
  const std::scoped_lock lock(route_mutex_);
  const Bridge bridge = TRY(ensure_bridge(
      route_, {.name = network.bridge, .bip = address, .mtu = mtu, .alias = bridge_alias(id),
               .ipv6 = ipv6, .ipv4 = !address.empty()}));
  if (ipv6)
    if (auto forwarding = enable_forwarding6(); !forwarding)
      log::warning("network {}: containers reach no other host by IPv6: {}", network.name,
                   forwarding.error().message());
  auto state = state_.lock();
  const auto found = state->segments.find(id);
  if (found != state->segments.end()) found->second.bridge_index = bridge.index;
  return {};
}

Result<> KernelNetworks::raise_macvlan(const NetworkId& id) {
  Description network;
  MacvlanSettings settings;
  {
    auto state = state_.lock();
    const auto found = state->segments.find(id);
    if (found == state->segments.end() || !found->second.macvlan)
      return Error::not_found(fmt::format("network {} not found", id.str()));
    network = found->second.description;
    settings = *found->second.macvlan;
  }
  const std::scoped_lock lock(route_mutex_);
  return ensure_parent(route_, network, settings, bridge_alias(id));
}

Result<> KernelNetworks::raise_network(const NetworkId& id) {
  const bool macvlan = [&] {
    auto state = state_.lock();
    const auto found = state->segments.find(id);
    return found != state->segments.end() && found->second.macvlan;
  }();
  return macvlan ? raise_macvlan(id) : raise_segment(id);
}

void KernelNetworks::adopt_network(const Description& network) {
  auto segment = make_segment(network);
  if (!segment) {
    log::error("network {}: {}", network.name, segment.error().message());
    return;
  }
  if (problem_) segment->problem = *problem_;
  state_.lock()->segments.insert_or_assign(network.id, std::move(*segment));
  if (problem_) return;
  auto raised = raise_network(network.id);
  if (raised) return;
  // A parent may come later: who joins is told.
  if (is_macvlan(network)) return log::warning("network {}: {}", network.name, raised.error().message());
  log::error("network {}: {}", network.name, raised.error().message());
  auto state = state_.lock();
  state->segments.find(network.id)->second.problem = std::move(raised).error();
}

std::size_t State::members(const NetworkId& id) const {
  std::size_t count = 0;
  for (const auto& [container, entry] : taken)
    count += static_cast<std::size_t>(
        std::ranges::count(entry.endpoints, id, &Endpoint::network_id));
  return count;
}

std::size_t KernelNetworks::members(const NetworkId& id) { return state_.lock()->members(id); }

bool KernelNetworks::wait_until_left(const NetworkId& id, std::chrono::milliseconds limit) {
  auto state = state_.lock();
  return left_.wait_for(state.lock_handle(), limit, [&] { return state->members(id) == 0; });
}

Result<> KernelNetworks::remove_network(const NetworkId& id) {
  if (id == bridge_id_)
    return Error(ErrorKind::Forbidden, "bridge is a pre-defined network and cannot be removed");
  Description network;
  std::optional<Segment> removed;
  {
    auto state = state_.lock();
    const auto found = state->segments.find(id);
    if (found == state->segments.end())
      return Error::not_found(fmt::format("network {} not found", id.str()));
    network = found->second.description;
    if (state->members(id) > 0)
      return Error(ErrorKind::Forbidden,
                   fmt::format("error while removing network: network {} has active endpoints",
                               network.name));
    // Nobody can join from here on.
    removed.emplace(std::move(found->second));
    state->segments.erase(found);
  }
  Result<> gone;
  {
    const std::scoped_lock lock(route_mutex_);
    if (is_macvlan(network)) gone = remove_parent(route_, network, bridge_alias(id));
    const auto link = sys::find_link(route_, network.bridge.empty() ? "-" : network.bridge);
    const bool ours = link && *link && (*link)->alias == bridge_alias(id);
    if (ours) gone = remove_bridge(route_, network.bridge);
  }
  if (!gone) {
    state_.lock()->segments.insert_or_assign(id, std::move(*removed));
    return std::unexpected(std::move(gone).error().within("remove bridge " + network.bridge));
  }
  if (is_macvlan(network)) return {};
  if (auto written = write_table(); !written)
    log::warning("network {}: rules that stay behind: {}", network.name,
                 written.error().message());
  return {};
}

}  // namespace wherry::network
