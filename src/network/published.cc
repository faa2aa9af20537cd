// Published ports: held on the host by a bound socket, carried out by the firewall's maps.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "network/bridge.h"
#include "network/kernel_networks.h"

namespace wherry::network {
namespace {

constexpr std::size_t kMaximumPorts = 16384;  // of one engine: each holds a descriptor

int socket_type(Protocol protocol) {
  return protocol == Protocol::Udp ? SOCK_DGRAM : SOCK_STREAM;
}

bool overlap(const PublishedPort& one, const PublishedPort& other) {
  if (one.protocol != other.protocol || one.host_port != other.host_port) return false;
  constexpr std::string_view any = "0.0.0.0";
  return one.host_ip == other.host_ip || one.host_ip == any || other.host_ip == any;
}

Error allocated(const std::string& ip, std::uint16_t port) {
  return Error::internal(fmt::format("Bind for {}:{} failed: port is already allocated", ip, port));
}

struct BoundSocket {
  sys::Fd fd;
  std::uint16_t port = 0;
};

// Bound to the port (0: one that the kernel picks) and, for TCP, listening, because two
// sockets with SO_REUSEADDR share a port while neither listens. Nothing ever arrives: the
// firewall's map comes first.
Result<BoundSocket> bind_socket(Protocol protocol, Ipv4 ip, std::uint16_t port) {
  BoundSocket bound{sys::Fd(::socket(AF_INET, socket_type(protocol) | SOCK_CLOEXEC,
                                     static_cast<int>(protocol))),
                    port};
  if (!bound.fd) return Error::from_errno(errno, "socket");
  const int one = 1;
  if (protocol == Protocol::Tcp)
    ::setsockopt(bound.fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(ip.value);
  if (::bind(bound.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return Error::from_errno(errno, "bind");
  if (protocol == Protocol::Tcp && ::listen(bound.fd.get(), 0) < 0)
    return Error::from_errno(errno, "listen");
  socklen_t length = sizeof address;
  if (::getsockname(bound.fd.get(), reinterpret_cast<sockaddr*>(&address), &length) < 0)
    return Error::from_errno(errno, "getsockname");
  bound.port = ntohs(address.sin_port);
  return bound;
}

// A kernel without SCTP sockets still forwards SCTP: nobody on this host can have the port.
bool has_no_sockets(const Error& error, Protocol protocol) {
  return protocol == Protocol::Sctp &&
         (error.errno_value() == EPROTONOSUPPORT || error.errno_value() == ESOCKTNOSUPPORT);
}

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
    const auto ip = parse_ipv4(held.port.host_ip);
    targets.push_back({.protocol = static_cast<std::uint8_t>(held.port.protocol),
                       .host_ip = ip && ip->value != 0 ? ip : std::nullopt,
                       .host_port = held.port.host_port,
                       .container_ip = *taken.port_target,
                       .container_port = held.port.container_port});
  }
  return targets;
}

bool KernelNetworks::is_published(const PublishedPort& port, std::span<const HeldPort> mine) {
  const auto overlaps = [&](const HeldPort& held) { return overlap(held.port, port); };
  if (std::ranges::any_of(mine, overlaps)) return true;
  auto state = state_.lock();
  return std::ranges::any_of(state->taken, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.ports, overlaps);
  });
}

Result<HeldPort> KernelNetworks::hold_port(const PortRequest& request, Ipv4 host_ip,
                                           std::span<const HeldPort> mine) {
  HeldPort held{{request.protocol, request.container_port, host_ip.str(), request.first}, {}};
  for (std::uint32_t port = request.first; port <= request.last; ++port) {
    const bool last = port == request.last;
    held.port.host_port = static_cast<std::uint16_t>(port);
    auto bound = bind_socket(request.protocol, host_ip, held.port.host_port);
    if (bound) {
      held.port.host_port = bound->port;
      held.socket = std::move(bound->fd);
      return held;
    }
    const int reason = bound.error().errno_value();
    if (has_no_sockets(bound.error(), request.protocol)) {
      if (port != 0 && !is_published(held.port, mine)) return held;
    } else if (reason != EADDRINUSE) {
      return Error::from_errno(
          reason, fmt::format("failed to bind host port for {}:{}", held.port.host_ip, port));
    }
    if (!last) continue;
    if (is_published(held.port, mine)) return allocated(held.port.host_ip, held.port.host_port);
    return Error::internal(fmt::format("failed to bind host port {}:{}: address already in use",
                                       held.port.host_ip, port));
  }
  return allocated(held.port.host_ip, request.last);
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
    held.push_back(TRY(hold_port(request, *ip, held)));
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
  for (const HeldPort& port : held) published.push_back(port.port);
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

// The same ports as before the engine was restarted. One that somebody took meanwhile is
// published all the same: the packets go where they went.
void KernelNetworks::hold_live_ports(const LivePorts& live) {
  std::vector<HeldPort> held;
  for (const PublishedPort& port : live.ports) {
    HeldPort entry{port, {}};
    if (auto bound = bind_socket(port.protocol, parse_ipv4(port.host_ip).value_or(Ipv4{}),
                                 port.host_port))
      entry.socket = std::move(bound->fd);
    else
      log::warning("container {}: hold port {}:{}: {}", live.container.short_form(), port.host_ip,
                   port.host_port, bound.error().message());
    held.push_back(std::move(entry));
  }
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
