// A container's interfaces: taken, joined, left and released.
#include <fmt/format.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "base/undo.h"
#include "network/kernel_networks.h"

namespace wherry::network {
namespace {

// With br_netfilter on, a packet that a container sends to its own published port is not
// routed but bridged back, to the port that it came from.
bool bridges_call_netfilter() {
  constexpr std::array kPaths = {"/proc/sys/net/bridge/bridge-nf-call-iptables",
                                 "/proc/sys/net/bridge/bridge-nf-call-ip6tables"};
  return std::ranges::any_of(kPaths, [](const char* path) {
    const auto text = sys::read_file(path);
    return text && trim(*text) == "1";
  });
}

constexpr int kMaximumInterfaces = 1024;

// The lowest "ethN" that is not there: the namespace knows, also after an engine's restart.
Result<std::string> free_interface(sys::NetlinkSocket& inside) {
  for (int number = 0; number < kMaximumInterfaces; ++number) {
    std::string name = fmt::format("eth{}", number);
    if (!TRY(sys::find_link(inside, name))) return name;
  }
  return Error(ErrorKind::Unavailable, "the container has too many interfaces");
}

}  // namespace

Result<ConnectSandbox> connection(const ContainerId& container, const SegmentFacts& segment,
                                  const Endpoint& endpoint) {
  const auto ip = parse_ipv4(endpoint.ip);
  const auto mac = parse_mac(endpoint.mac);
  const bool addressed = ip || (endpoint.ip.empty() && !segment.addressing);
  if (!addressed || !mac)
    return Error::invalid(
        fmt::format("invalid endpoint: ip \"{}\", mac \"{}\"", endpoint.ip, endpoint.mac));
  std::optional<ConnectIpv6> ipv6;
  const auto ip6 = parse_ipv6(endpoint.ip6);
  if (ip6 && segment.addressing6)
    ipv6 = ConnectIpv6{.ip = *ip6, .prefix = segment.addressing6->subnet.prefix};
  return ConnectSandbox{.bridge_index = segment.bridge_index,
                        .isolated = segment.settings.icc == Icc::Off,
                        .hairpin = segment.settings.icc == Icc::On && bridges_call_netfilter(),
                        .ip = ip,
                        .prefix = segment.addressing ? segment.addressing->subnet.prefix : 0,
                        .gateway = std::nullopt,
                        .mtu = segment.settings.mtu,
                        .mac = *mac,
                        .owner = owner_alias(container, segment.id),
                        .ipv6 = ipv6};
}

// One sandbox per container: the entry is there from now on.
Result<> KernelNetworks::claim(const SandboxRequest& request) {
  auto state = state_.lock();
  if (!state->restored) return Error::internal("networks: take before restore");
  const bool inserted = state->taken.try_emplace(request.container).second;
  if (!inserted)
    return Error::conflict(
        fmt::format("container {} has a network sandbox already", request.container.short_form()));
  return {};
}

Result<SegmentFacts> KernelNetworks::facts_of(const NetworkId& id) {
  auto state = state_.lock();
  const auto found = state->segments.find(id);
  if (found == state->segments.end()) {
    if (id == bridge_id_ && problem_) return Error(*problem_);
    return Error::not_found(fmt::format("network {} not found", id.str()));
  }
  if (found->second.problem) return Error(*found->second.problem);
  if (found->second.bridge_index == 0 && !found->second.macvlan)
    return Error::not_found(fmt::format("network {} not found", found->second.description.name));
  return facts(found->second);
}

namespace {

// Nothing on a network of IPv6 alone.
Result<std::optional<Ipv4>> lease_ipv4(Segment& segment, const ContainerId& container,
                                       const EndpointWishes& wishes) {
  const auto ip = wishes.ip ? parse_ipv4(*wishes.ip) : std::nullopt;
  if (wishes.ip && !ip) return Error::invalid("invalid IPv4 address: " + *wishes.ip);
  if (!segment.addresses) {
    if (!ip) return std::optional<Ipv4>{};
    return Error::invalid(fmt::format("no configured subnet contains IP address {}", ip->str()));
  }
  if (!ip) return std::optional(TRY(segment.addresses->lease(container)));
  TRY(segment.addresses->reserve(*ip, container));
  return ip;
}

// As docker's of the address; of IPv6 the end, which differs within a subnet.
sys::MacAddress mac_of(const std::optional<Ipv4>& ip, const std::optional<Ipv6>& ip6) {
  if (ip) return mac_for(*ip);
  return mac_for(Ipv4{static_cast<std::uint32_t>(ip6 ? ip6->low : 0)});
}

// Nothing on a network without IPv6.
Result<std::optional<Ipv6>> lease_ipv6(Segment& segment, const ContainerId& container,
                                       const EndpointWishes& wishes) {
  const auto ip = wishes.ip6 ? parse_ipv6(*wishes.ip6) : std::nullopt;
  if (wishes.ip6 && !ip) return Error::invalid("invalid IPv6 address: " + *wishes.ip6);
  if (!segment.addresses6) {
    if (!ip) return std::optional<Ipv6>{};
    return Error::invalid(fmt::format("no configured subnet contains IP address {}", ip->str()));
  }
  if (!ip) return std::optional(TRY(segment.addresses6->lease(container)));
  TRY(segment.addresses6->reserve(*ip, container));
  return ip;
}

constexpr std::size_t kMaximumLinkLocal = 64;

bool is_link_local(const sys::IpBytes& ip) {
  if (ip.size == 4) return ip.bytes[0] == 169 && ip.bytes[1] == 254;
  return ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80;
}

Result<std::vector<sys::IpBytes>> link_local_addresses(const std::vector<std::string>& texts,
                                                       const SegmentFacts& segment) {
  if (texts.size() > kMaximumLinkLocal)
    return Error::invalid(fmt::format("more than {} link-local IP addresses", kMaximumLinkLocal));
  std::vector<sys::IpBytes> addresses;
  for (const std::string& text : texts) {
    const auto ip = parse_ip(text);
    if (!ip || !is_link_local(*ip))
      return Error::invalid(fmt::format("invalid link local IP address: {}", text));
    if (ip->size == 16 && !segment.addressing6)
      return Error::invalid(fmt::format("link local IP address {}: network {} has no IPv6", text,
                                        segment.name));
    if (std::ranges::find(addresses, *ip) == addresses.end()) addresses.push_back(*ip);
  }
  return addresses;
}

}  // namespace

// The address is the container's, and the endpoint in its list, from now on.
Result<Endpoint> KernelNetworks::lease_endpoint(const ContainerId& container,
                                                const SegmentFacts& segment,
                                                const EndpointWishes& wishes) {
  if (wishes.mac && !parse_mac(*wishes.mac))
    return Error::invalid("invalid MAC address: " + *wishes.mac);
  auto state = state_.lock();
  const auto found = state->segments.find(segment.id);
  // Removed since its facts were read.
  if (found == state->segments.end())
    return Error::not_found(fmt::format("network {} not found", segment.name));
  const std::optional<Ipv4> ip = TRY(lease_ipv4(found->second, container, wishes));
  const auto ip6 = lease_ipv6(found->second, container, wishes);
  if (!ip6) {
    if (ip) found->second.addresses->release(*ip);
    return std::unexpected(ip6.error());
  }
  Taken& taken = state->taken[container];
  Endpoint endpoint;
  endpoint.network_id = segment.id;
  endpoint.network_name = segment.name;
  endpoint.endpoint_id = random_hex(32);
  if (ip) {
    endpoint.ip = ip->str();
    endpoint.prefix = segment.addressing->subnet.prefix;
    if (!segment.internal) endpoint.gateway = segment.addressing->container_gateway.str();
  }
  endpoint.mac = wishes.mac.value_or(mac_text(mac_of(ip, *ip6)));
  if (*ip6) {
    endpoint.ip6 = (*ip6)->str();
    endpoint.prefix6 = segment.addressing6->subnet.prefix;
    if (!segment.internal) endpoint.gateway6 = segment.addressing6->container_gateway.str();
  }
  endpoint.gateway_priority = wishes.gateway_priority;
  taken.endpoints.push_back(endpoint);
  return endpoint;
}

Result<> KernelNetworks::connect(ReadySandbox& ready, const SandboxRequest& wanted,
                                 const SegmentFacts& segment, const Endpoint& endpoint) {
  ConnectSandbox request = TRY(connection(wanted.container, segment, endpoint));
  request.link_local = TRY(link_local_addresses(wanted.link_local, segment));
  if (!segment.internal && segment.addressing)
    request.gateway = segment.addressing->container_gateway;
  if (!segment.internal && request.ipv6) request.ipv6->gateway = segment.addressing6->container_gateway;
  if (segment.macvlan) return connect_macvlan(ready, segment, endpoint, request);
  auto connected = connect_sandbox(ready, request);
  if (!connected && connected.error().errno_value() == EXFULL)
    return Error(ErrorKind::Unavailable,
                 fmt::format("network {} is full: a Linux bridge has 1023 ports, stop some "
                             "containers or use another network ({})",
                             segment.name, connected.error().message()));
  return connected;
}

Result<> KernelNetworks::connect_macvlan(ReadySandbox& ready, const SegmentFacts& segment,
                                         const Endpoint& endpoint, const ConnectSandbox& request) {
  TRY(add_macvlan_interface(ready, {.name = endpoint.interface,
                                    .parent = segment.macvlan_parent,
                                    .settings = *segment.macvlan,
                                    .mac = request.mac}));
  ConnectSandbox inside = request;
  inside.mtu = segment.macvlan->mtu;
  return connect_inside(ready, inside);
}

Result<Sandbox> KernelNetworks::take(const SandboxRequest& request) {
  const bool wants_bridge = request.mode == Mode::Bridge;
  std::optional<SegmentFacts> segment;
  if (wants_bridge) segment = TRY(facts_of(request.network.value_or(bridge_id_)));
  if (wants_bridge && request.mac && !parse_mac(*request.mac))
    return Error::invalid("invalid MAC address: " + *request.mac);
  TRY(claim(request));
  Undo undo;
  undo.add([&]() noexcept { release(request.container); });
  Undo always;
  always.add([&]() noexcept { pool_->refill(); });

  std::optional<Endpoint> endpoint;
  if (segment)
    endpoint = TRY(lease_endpoint(request.container, *segment,
                                  {request.ip, request.mac, request.gateway_priority,
                                   request.ip6}));
  const bool bare = segment && segment->macvlan;
  ReadySandbox ready = TRY_AS("network sandbox", pool_->take(bare ? Mode::None : request.mode));
  if (endpoint) {
    endpoint->host_interface = ready.host_interface;
    TRY_AS("connect to network " + segment->name,
           connect(ready, request, *segment, *endpoint));
  }
  sys::Fd held = TRY(ready.netns.duplicate());
  {
    auto state = state_.lock();
    Taken& taken = state->taken[request.container];
    if (endpoint) taken.endpoints = {*endpoint};
    taken.netns = std::move(held);
  }
  undo.commit();
  return Sandbox{std::move(ready.netns), std::move(endpoint)};
}

DefaultRoutes KernelNetworks::default_routes(const ContainerId& container) {
  auto state = state_.lock();
  const auto id_of = [](const Endpoint* endpoint) {
    return endpoint == nullptr ? std::string() : endpoint->endpoint_id;
  };
  return {id_of(state->gateway_of(container)), id_of(state->gateway6_of(container))};
}

// `before`: who had the default routes until now.
Result<> KernelNetworks::move_default_route(const ContainerId& container,
                                            const DefaultRoutes& before, const sys::Fd& netns) {
  std::optional<Ipv4> gateway;
  std::optional<Ipv6> gateway6;
  {
    auto state = state_.lock();
    const Endpoint* endpoint = state->gateway_of(container);
    if (endpoint != nullptr && endpoint->endpoint_id != before.ipv4)
      gateway = parse_ipv4(endpoint->gateway);
    endpoint = state->gateway6_of(container);
    if (endpoint != nullptr && endpoint->endpoint_id != before.ipv6)
      gateway6 = parse_ipv6(endpoint->gateway6);
  }
  retarget_ports(container);
  if (!gateway && !gateway6) return {};
  ReadySandbox ready = TRY(open_sandbox(netns));
  sys::NetlinkBatch batch;
  if (gateway) sys::replace_default_route(batch, gateway->bytes());
  if (gateway6) sys::replace_default_route(batch, gateway6->bytes());
  return ready.inside.transact(batch);
}

Result<> KernelNetworks::add_and_connect(const JoinRequest& request, const SegmentFacts& segment,
                                         Endpoint& endpoint, const sys::Fd& netns) {
  auto link_local = TRY(link_local_addresses(request.wishes.link_local, segment));
  ReadySandbox ready = TRY(open_sandbox(netns));
  endpoint.interface = TRY(free_interface(ready.inside));
  if (segment.macvlan) {
    ConnectSandbox wanted = TRY(connection(request.container, segment, endpoint));
    wanted.link_local = std::move(link_local);
    auto connected = connect_macvlan(ready, segment, endpoint, wanted);
    if (!connected) static_cast<void>(remove_macvlan_interface(ready, wanted.mac));
    return connected;
  }
  TRY(add_interface(ready, {.veth_prefix = veth_prefix_,
                            .name = endpoint.interface,
                            .mtu = segment.settings.mtu}));
  endpoint.host_interface = ready.host_interface;
  ConnectSandbox connect = TRY(connection(request.container, segment, endpoint));
  connect.link_local = std::move(link_local);
  auto connected = connect_sandbox(ready, connect);
  if (connected) return {};
  sys::NetlinkBatch batch;
  sys::delete_link(batch, ready.host_index);
  static_cast<void>(ready.outside.transact(batch));
  return connected;
}

Result<Endpoint> KernelNetworks::join(const JoinRequest& request, const sys::Fd& netns) {
  const SegmentFacts segment = TRY(facts_of(request.network));
  {
    auto state = state_.lock();
    const auto found = state->taken.find(request.container);
    if (found == state->taken.end())
      return Error::conflict(
          fmt::format("container {} has no network sandbox", request.container.short_form()));
    const auto& endpoints = found->second.endpoints;
    if (std::ranges::find(endpoints, segment.id, &Endpoint::network_id) != endpoints.end())
      return Error(ErrorKind::Forbidden,
                   fmt::format("container is already attached to network {}", segment.name));
  }
  const DefaultRoutes before = default_routes(request.container);
  Endpoint endpoint = TRY(lease_endpoint(request.container, segment, request.wishes));
  auto connected = add_and_connect(request, segment, endpoint, netns);
  if (!connected) {
    auto state = state_.lock();
    std::erase_if(state->taken[request.container].endpoints, [&](const Endpoint& other) {
      return other.endpoint_id == endpoint.endpoint_id;
    });
    const auto found = state->segments.find(segment.id);
    if (found != state->segments.end()) found->second.release(endpoint);
    return std::unexpected(std::move(connected).error().within("connect to network " + segment.name));
  }
  {
    auto state = state_.lock();
    for (Endpoint& other : state->taken[request.container].endpoints)
      if (other.endpoint_id == endpoint.endpoint_id) other = endpoint;
  }
  TRY_AS("default route", move_default_route(request.container, before, netns));
  return endpoint;
}

Result<> KernelNetworks::remove_interface(const Endpoint& endpoint, const sys::Fd& netns) {
  if (const auto segment = facts_of(endpoint.network_id); segment && segment->macvlan) {
    ReadySandbox ready = TRY(open_sandbox(netns));
    return remove_macvlan_interface(ready, parse_mac(endpoint.mac).value_or(sys::MacAddress{}));
  }
  const std::scoped_lock lock(route_mutex_);
  const auto link = TRY(sys::find_link(route_, endpoint.host_interface));
  if (!link) return {};
  sys::NetlinkBatch batch;
  sys::delete_link(batch, link->index);
  auto deleted = route_.transact(batch);
  if (!deleted && deleted.error().errno_value() != ENODEV) return deleted;
  return {};
}

Result<> KernelNetworks::leave(const ContainerId& container, const NetworkId& network,
                               const sys::Fd& netns) {
  std::optional<Endpoint> leaving;
  {
    auto state = state_.lock();
    const auto found = state->taken.find(container);
    if (found != state->taken.end())
      for (const Endpoint& endpoint : found->second.endpoints)
        if (endpoint.network_id == network) leaving = endpoint;
  }
  if (!leaving)
    return Error(ErrorKind::Forbidden,
                 fmt::format("container {} is not connected to the network {}", container.str(),
                             network.str()));
  const DefaultRoutes before = default_routes(container);
  disconnect(*leaving);
  TRY(remove_interface(*leaving, netns));
  {
    auto state = state_.lock();
    std::erase_if(state->taken[container].endpoints,
                  [&](const Endpoint& other) { return other.network_id == network; });
    const auto segment = state->segments.find(network);
    if (segment != state->segments.end()) segment->second.release(*leaving);
    left_.notify_all();
  }
  if (network == bridge_id_ && is_linked(container)) TRY_AS("nf_tables", write_table());
  return move_default_route(container, before, netns);
}

void KernelNetworks::release(const ContainerId& container) {
  unpublish(container);
  close_links(container);
  // The addresses are free again only when nothing in the kernel points to their old owner.
  for (const Endpoint& gone : endpoints(container)) disconnect(gone);
  close_macvlans(container);
  forget(container);
}

// A namespace that waits for its burial still answers on the parent's network for an address
// that is somebody else's by then. After a restart nobody holds it.
void KernelNetworks::close_macvlans(const ContainerId& container) {
  std::vector<Endpoint> closing;
  sys::Fd netns;
  {
    auto state = state_.lock();
    const auto found = state->taken.find(container);
    if (found == state->taken.end() || !found->second.netns) return;
    for (const Endpoint& endpoint : found->second.endpoints) {
      const auto segment = state->segments.find(endpoint.network_id);
      if (segment != state->segments.end() && segment->second.macvlan) closing.push_back(endpoint);
    }
    if (closing.empty()) return;
    if (auto held = found->second.netns.duplicate()) netns = std::move(*held);
  }
  for (const Endpoint& endpoint : closing)
    if (auto removed = remove_interface(endpoint, netns); !removed)
      log::warning("container {}: {}", container.short_form(), removed.error().message());
}

// Best effort: most of it is gone already when the namespace has ended. The veth pair is not
// deleted, which would take 30 ms: it dies with its namespace. Until then (processes of a
// `--network container:` neighbour may live on) its port is closed.
void KernelNetworks::disconnect(const Endpoint& endpoint) {
  const auto ip = parse_ipv4(endpoint.ip);
  const auto segment = facts_of(endpoint.network_id);
  if (!segment || segment->macvlan) return;
  const std::scoped_lock lock(route_mutex_);
  sys::NetlinkBatch batch;
  const auto link = sys::find_link(route_, endpoint.host_interface);
  if (link && *link) sys::close_port(batch, (*link)->index);
  if (ip) sys::delete_neighbour(batch, segment->bridge_index, ip->bytes());
  if (const auto ip6 = parse_ipv6(endpoint.ip6))
    sys::delete_neighbour(batch, segment->bridge_index, ip6->bytes());
  static_cast<void>(route_.transact(batch));
}

void KernelNetworks::forget(const ContainerId& container) {
  auto state = state_.lock();
  const auto found = state->taken.find(container);
  if (found == state->taken.end()) return;
  for (const Endpoint& endpoint : found->second.endpoints) {
    const auto segment = state->segments.find(endpoint.network_id);
    if (segment != state->segments.end()) segment->second.release(endpoint);
  }
  sys::Fd netns = std::move(found->second.netns);
  state->taken.erase(found);
  left_.notify_all();
  if (netns) pool_->bury(std::move(netns));
}

std::optional<Endpoint> KernelNetworks::endpoint(const ContainerId& container) {
  auto all = endpoints(container);
  if (all.empty()) return std::nullopt;
  return std::move(all.front());
}

std::vector<Endpoint> KernelNetworks::endpoints(const ContainerId& container) {
  auto state = state_.lock();
  const auto found = state->taken.find(container);
  return found == state->taken.end() ? std::vector<Endpoint>{} : found->second.endpoints;
}

}  // namespace wherry::network
