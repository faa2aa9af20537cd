// Published ports: held on the host by a bound socket, carried out by the firewall's maps.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "network/bridge.h"
#include "network/kernel_networks.h"

namespace wherry::network {
namespace {

constexpr std::size_t kMaximumPorts = 16384;  // of one engine: each holds a descriptor

// Somebody has removed the table or elements of it: the watch is on its way, but who asks now
// does not wait for it.
bool was_torn(const Result<>& changed) {
  return !changed && changed.error().errno_value() == ENOENT;
}

}  // namespace

std::vector<PortTarget> targets_of(const Taken& taken) {
  std::vector<PortTarget> targets;
  if (!taken.port_target) return targets;
  for (const HeldPort& held : taken.ports) {
    const PublishedPort& port = held.port();
    const auto ip = parse_ipv4(port.host_ip);
    targets.push_back({.protocol = static_cast<std::uint8_t>(port.protocol),
                       .host_ip = ip && ip->value != 0 ? ip : std::nullopt,
                       .host_port = port.host_port,
                       .container_ip = *taken.port_target,
                       .container_port = port.container_port});
  }
  return targets;
}

// The first port of the range that is free; docker's words of the last one if none is.
Result<HeldPort> KernelNetworks::hold_port(const PortRequest& request, Ipv4 host_ip) {
  PublishedPort wanted{request.protocol, request.container_port, host_ip.str(), request.first};
  for (;; ++wanted.host_port) {
    auto held = ports_.hold(wanted, host_ip);
    const bool is_taken = !held && held.error().errno_value() == 0;
    if (!is_taken || wanted.host_port >= request.last) return held;
  }
}

Result<std::vector<HeldPort>> KernelNetworks::hold_ports(const ContainerId& container,
                                                         std::span<const PortRequest> ports,
                                                         Ipv4 fallback) {
  std::size_t count = ports.size();
  {
    auto state = state_.lock();
    for (const auto& [id, taken] : state->taken) count += taken.ports.size();
  }
  if (count > kMaximumPorts)
    return Error(ErrorKind::Unavailable,
                 fmt::format("container {}: an engine publishes at most {} ports",
                             container.short_form(), kMaximumPorts));
  std::vector<HeldPort> held;
  held.reserve(ports.size());
  for (const PortRequest& request : ports) {
    std::optional<Ipv4> ip = fallback;
    if (!request.host_ip.empty()) ip = parse_ipv4(request.host_ip);
    if (!ip)
      return Error(ErrorKind::NotImplemented,
                   fmt::format("wherry: publishing on the address '{}' is not available in "
                               "wherry " WHERRY_VERSION,
                               request.host_ip));
    held.push_back(TRY(hold_port(request, *ip)));
  }
  return held;
}

Result<std::vector<PublishedPort>> KernelNetworks::publish(const ContainerId& container,
                                                           std::span<const PortRequest> ports) {
  if (ports.empty()) return std::vector<PublishedPort>{};
  std::optional<Endpoint> gateway;
  {
    auto state = state_.lock();
    if (const Endpoint* endpoint = state->gateway_of(container)) gateway = *endpoint;
  }
  if (!gateway) return std::vector<PublishedPort>{};
  const SegmentFacts segment = TRY(facts_of(gateway->network_id));
  std::vector<HeldPort> held =
      TRY(hold_ports(container, ports, segment.settings.host_binding));
  if (auto allowed = allow_loopback_routing(segment.bridge); !allowed)
    log::warning("published ports are not reachable at 127.0.0.1: {}",
                 allowed.error().message());
  std::vector<PublishedPort> published;
  for (const HeldPort& port : held) published.push_back(port.port());
  Taken entry{.endpoints = {}, .netns = {}, .ports = std::move(held),
              .port_target = parse_ipv4(gateway->ip)};

  const std::scoped_lock lock(firewall_mutex_);
  auto added = add_ports(netfilter_, table_name(options_.suffix), targets_of(entry));
  {
    auto state = state_.lock();
    Taken& taken = state->taken[container];
    taken.ports = std::move(entry.ports);
    taken.port_target = entry.port_target;
  }
  if (was_torn(added)) added = apply_table_locked();
  if (added) return published;
  state_.lock()->taken[container].ports.clear();
  return std::unexpected(std::move(added).error().within("publish ports"));
}

void KernelNetworks::hold_live_ports(const LivePorts& live) {
  std::vector<HeldPort> held;
  for (const PublishedPort& port : live.ports) held.push_back(ports_.adopt(port));
  auto state = state_.lock();
  const Endpoint* gateway = state->gateway_of(live.container);
  if (gateway == nullptr) return;
  Taken& taken = state->taken[live.container];
  taken.ports = std::move(held);
  taken.port_target = parse_ipv4(gateway->ip);
}

// After a live connect or disconnect the default route may be another endpoint's.
void KernelNetworks::retarget_ports(const ContainerId& container) {
  const std::scoped_lock lock(firewall_mutex_);
  std::vector<PortTarget> before;
  std::vector<PortTarget> after;
  std::string bridge;
  {
    auto state = state_.lock();
    const auto found = state->taken.find(container);
    if (found == state->taken.end() || found->second.ports.empty()) return;
    before = targets_of(found->second);
    const Endpoint* gateway = state->gateway_of(container);
    found->second.port_target = gateway == nullptr ? std::nullopt : parse_ipv4(gateway->ip);
    after = targets_of(found->second);
    if (gateway != nullptr) {
      const auto segment = state->segments.find(gateway->network_id);
      if (segment != state->segments.end()) bridge = segment->second.description.bridge;
    }
  }
  const std::string table = table_name(options_.suffix);
  if (!bridge.empty()) static_cast<void>(allow_loopback_routing(bridge));
  auto changed = delete_ports(netfilter_, table, before);
  if (changed) changed = add_ports(netfilter_, table, after);
  if (was_torn(changed)) changed = apply_table_locked();
  if (!changed)
    log::warning("container {}: published ports: {}", container.short_form(),
                 changed.error().message());
}

void KernelNetworks::unpublish(const ContainerId& container) {
  const std::scoped_lock lock(firewall_mutex_);
  std::vector<HeldPort> closing;
  std::vector<PortTarget> targets;
  {
    auto state = state_.lock();
    const auto found = state->taken.find(container);
    if (found == state->taken.end() || found->second.ports.empty()) return;
    targets = targets_of(found->second);
    closing = std::move(found->second.ports);
    found->second.ports.clear();
  }
  // The port stays held until nothing points to the container any more.
  auto deleted = delete_ports(netfilter_, table_name(options_.suffix), targets);
  if (was_torn(deleted)) deleted = apply_table_locked();
  if (!deleted)
    log::warning("container {}: unpublish ports: {}", container.short_form(),
                 deleted.error().message());
}

}  // namespace wherry::network
