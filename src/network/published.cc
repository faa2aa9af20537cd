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
  for (const HeldPort& held : taken.ports) {
    const PublishedPort& port = held.port();
    const auto ip = parse_ip(port.host_ip);
    if (!ip) continue;
    const auto& target = ip->family() == AF_INET6 ? taken.port_target6 : taken.port_target;
    if (!target) continue;
    targets.push_back({.protocol = static_cast<std::uint8_t>(port.protocol),
                       .host_ip = is_unspecified(*ip) ? std::nullopt : ip,
                       .host_port = port.host_port,
                       .container_ip = *target,
                       .container_port = port.container_port});
  }
  return targets;
}

PortGateways KernelNetworks::port_gateways(const ContainerId& container) {
  PortGateways gateways;
  auto state = state_.lock();
  const auto gateway = [&](const Endpoint* endpoint,
                           const std::string Endpoint::* ip) -> std::optional<PortGateway> {
    if (endpoint == nullptr) return std::nullopt;
    const auto segment = state->segments.find(endpoint->network_id);
    const auto address = parse_ip(endpoint->*ip);
    if (segment == state->segments.end() || !address || segment->second.macvlan) return std::nullopt;
    return PortGateway{*address, facts(segment->second)};
  };
  gateways.ipv4 = gateway(state->gateway_of(container), &Endpoint::ip);
  gateways.ipv6 = gateway(state->gateway6_of(container), &Endpoint::ip6);
  return gateways;
}

namespace {

// What "" stands for: every address of both families, or the network's own choice for IPv4.
std::vector<std::string> default_addresses(const PortGateways& gateways) {
  std::vector<std::string> addresses;
  const Ipv4 binding = gateways.ipv4 ? gateways.ipv4->segment.settings.host_binding : Ipv4{};
  if (gateways.ipv4) addresses.push_back(binding.str());
  if (gateways.ipv6 && binding == Ipv4{}) addresses.emplace_back("::");
  return addresses;
}

Result<std::vector<std::string>> addresses_for(const PortRequest& request,
                                               const PortGateways& gateways) {
  if (request.host_ip.empty()) return default_addresses(gateways);
  const auto ip = parse_ip(request.host_ip);
  if (!ip) return Error::invalid(fmt::format("invalid IP address: {}", request.host_ip));
  const bool is_ipv6 = ip->family() == AF_INET6;
  if (is_ipv6 ? !gateways.ipv6 : !gateways.ipv4)
    return Error::invalid(fmt::format(
        "cannot publish port {} on {}: the container has no {} address to send it to{}",
        request.container_port, request.host_ip, is_ipv6 ? "IPv6" : "IPv4",
        is_ipv6 ? ", use a network made with --ipv6" : ""));
  return std::vector{ip_text(*ip)};
}

bool is_taken(const Result<HeldPort>& held) { return !held && held.error().errno_value() == 0; }

}  // namespace

// The same port of every address. Nothing but what is taken makes another port be tried: the
// next of the range, or another that the kernel picks; docker's words of the last one.
Result<std::vector<HeldPort>> KernelNetworks::hold_port(const PortRequest& request,
                                                        std::span<const std::string> host_ips) {
  constexpr int kPicks = 64;  // until one is free on both families
  int picks = 0;
  for (std::uint32_t port = request.first;;) {
    std::vector<HeldPort> all;
    PublishedPort wanted{request.protocol, request.container_port, "",
                         static_cast<std::uint16_t>(port)};
    std::optional<Error> taken;
    for (const std::string& ip : host_ips) {
      wanted.host_ip = ip;
      auto held = ports_.hold(wanted);
      if (!held && !is_taken(held)) return std::unexpected(std::move(held).error());
      if (!held) {
        taken = std::move(held).error();
        break;
      }
      wanted.host_port = held->port().host_port;
      all.push_back(std::move(*held));
    }
    if (!taken) return all;
    const bool last = port == 0 ? ++picks >= kPicks : ++port > request.last;
    if (last) return std::unexpected(std::move(*taken));
  }
}

Result<> KernelNetworks::check_port_limit(const ContainerId& container, std::size_t more) {
  auto state = state_.lock();
  std::size_t count = more;
  for (const auto& [id, taken] : state->taken) count += taken.ports.size();
  if (count <= kMaximumPorts) return {};
  return Error(ErrorKind::Unavailable,
               fmt::format("container {}: an engine publishes at most {} ports",
                           container.short_form(), kMaximumPorts));
}

Result<std::vector<HeldPort>> KernelNetworks::hold_ports(const ContainerId& container,
                                                         std::span<const PortRequest> ports,
                                                         const PortGateways& gateways) {
  TRY(check_port_limit(container, ports.size() * default_addresses(gateways).size()));
  std::vector<HeldPort> held;
  held.reserve(ports.size());
  for (const PortRequest& request : ports) {
    const std::vector<std::string> addresses = TRY(addresses_for(request, gateways));
    for (HeldPort& port : TRY(hold_port(request, addresses))) held.push_back(std::move(port));
  }
  return held;
}

void KernelNetworks::allow_loopback(const PortGateways& gateways) {
  Result<> allowed;
  if (gateways.ipv4) allowed = allow_loopback_routing(gateways.ipv4->segment.bridge);
  if (!allowed)
    log::warning("published ports are not reachable at 127.0.0.1: {}", allowed.error().message());
  if (!gateways.ipv6) return;
  const std::scoped_lock lock(route_mutex_);
  allowed = allow_loopback_routing6(route_, gateways.ipv6->segment.bridge_index);
  if (!allowed)
    log::warning("published ports are not reachable at [::1]: {}", allowed.error().message());
}

Result<std::vector<PublishedPort>> KernelNetworks::publish(const ContainerId& container,
                                                           std::span<const PortRequest> ports) {
  if (ports.empty()) return std::vector<PublishedPort>{};
  const PortGateways gateways = port_gateways(container);
  if (!gateways.ipv4 && !gateways.ipv6) return std::vector<PublishedPort>{};
  Taken entry{.ports = TRY(hold_ports(container, ports, gateways))};
  if (gateways.ipv4) entry.port_target = gateways.ipv4->container_ip;
  if (gateways.ipv6) entry.port_target6 = gateways.ipv6->container_ip;
  allow_loopback(gateways);
  std::vector<PublishedPort> published;
  for (const HeldPort& port : entry.ports) published.push_back(port.port());

  const std::scoped_lock lock(firewall_mutex_);
  auto added = add_ports(netfilter_, port_tables(), targets_of(entry));
  {
    auto state = state_.lock();
    Taken& taken = state->taken[container];
    taken.ports = std::move(entry.ports);
    taken.port_target = entry.port_target;
    taken.port_target6 = entry.port_target6;
  }
  if (was_torn(added)) added = apply_table_locked();
  if (added) return published;
  state_.lock()->taken[container].ports.clear();
  return std::unexpected(std::move(added).error().within("publish ports"));
}

void KernelNetworks::hold_live_ports(const LivePorts& live) {
  std::vector<HeldPort> held;
  for (const PublishedPort& port : live.ports) held.push_back(ports_.adopt(port));
  const PortGateways gateways = port_gateways(live.container);
  if (!gateways.ipv4 && !gateways.ipv6) return;
  auto state = state_.lock();
  Taken& taken = state->taken[live.container];
  taken.ports = std::move(held);
  if (gateways.ipv4) taken.port_target = gateways.ipv4->container_ip;
  if (gateways.ipv6) taken.port_target6 = gateways.ipv6->container_ip;
}

// After a live connect or disconnect the default route may be another endpoint's.
void KernelNetworks::retarget_ports(const ContainerId& container) {
  const std::scoped_lock lock(firewall_mutex_);
  const PortGateways gateways = port_gateways(container);
  std::vector<PortTarget> before;
  std::vector<PortTarget> after;
  {
    auto state = state_.lock();
    const auto found = state->taken.find(container);
    if (found == state->taken.end() || found->second.ports.empty()) return;
    Taken& taken = found->second;
    before = targets_of(taken);
    taken.port_target.reset();
    taken.port_target6.reset();
    if (gateways.ipv4) taken.port_target = gateways.ipv4->container_ip;
    if (gateways.ipv6) taken.port_target6 = gateways.ipv6->container_ip;
    after = targets_of(taken);
  }
  const PortTables tables = port_tables();
  allow_loopback(gateways);
  auto changed = delete_ports(netfilter_, tables, before);
  if (changed) changed = add_ports(netfilter_, tables, after);
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
  auto deleted = delete_ports(netfilter_, port_tables(), targets);
  if (was_torn(deleted)) deleted = apply_table_locked();
  if (!deleted)
    log::warning("container {}: unpublish ports: {}", container.short_form(),
                 deleted.error().message());
}

}  // namespace wherry::network
