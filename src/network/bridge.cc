#include "network/bridge.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/strings.h"
#include "network/files.h"
#include "network/ipam.h"
#include "sys/fd.h"

namespace wherry::network {
namespace {

sys::MacAddress random_mac() {
  std::uint32_t value = 0;
  for (const char digit : random_hex(4))
    value = value << 4 | static_cast<std::uint32_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  return mac_for(Ipv4{value});
}

Result<std::vector<Cidr>> addresses_of(sys::NetlinkSocket& route, int index) {
  std::vector<Cidr> found;
  for (const sys::InterfaceAddress& entry : TRY(sys::list_addresses(route, AF_INET)))
    if (entry.index == index) found.push_back({ipv4_of(entry.ip), entry.prefix});
  return found;
}

// Without those that the kernel makes itself.
Result<std::vector<Cidr6>> addresses6_of(sys::NetlinkSocket& route, int index) {
  std::vector<Cidr6> found;
  const Subnet6 link_local{{0xfe80ULL << 48, 0}, 10};
  for (const sys::InterfaceAddress& entry : TRY(sys::list_addresses(route, AF_INET6)))
    if (entry.index == index && !link_local.contains(ipv6_of(entry.ip)))
      found.push_back({ipv6_of(entry.ip), entry.prefix});
  return found;
}

Result<Cidr> wanted_address(sys::NetlinkSocket& route, const BridgeRequest& request,
                            const std::vector<Cidr>& present, int index) {
  if (!request.bip.empty()) return parse_bip(request.bip);
  if (!present.empty()) return present.front();
  const auto subnet = request.pools.choose(TRY(taken_subnets(route, index)));
  if (!subnet)
    return Error(ErrorKind::Unavailable,
                 "all predefined address pools have been fully subnetted: every default subnet "
                 "is routed on this host, choose one with --bip");
  return Cidr{{subnet->base.value + 1}, subnet->prefix};
}

Result<sys::Link> find_or_create(sys::NetlinkSocket& route, const BridgeRequest& request) {
  auto link = TRY(sys::find_link(route, request.name));
  if (!link) {
    sys::NetlinkBatch batch;
    sys::add_bridge(batch, {request.name, request.mtu, random_mac(), request.alias});
    auto created = route.transact(batch);
    if (!created) return explain(std::move(created).error(), "bridge");
    link = TRY(sys::find_link(route, request.name));
  }
  if (!link || link->kind != "bridge")
    return Error::conflict(
        fmt::format("interface {} exists and is not a bridge: rename or remove it", request.name));
  if (!request.alias.empty() && link->alias != request.alias)
    return Error::conflict(fmt::format(
        "interface {} exists and is not a bridge of this network: rename or remove it",
        request.name));
  return std::move(*link);
}

// Before the bridge is up, so that it never has a link-local address.
Result<> disable_ipv6(const std::string& name) {
  const std::string directory = "/proc/sys/net/ipv6/conf/" + name;
  for (const auto& [key, value] : {std::pair{"/disable_ipv6", "1"}, {"/accept_ra", "0"}}) {
    auto written = sys::write_file((directory + key).c_str(), value);
    // A kernel without IPv6 has no such file, and nothing to disable.
    if (!written && written.error().kind() != ErrorKind::NotFound) return written;
  }
  return {};
}

Result<> allow_ipv6_on_bridge(const std::string& name) {
  const std::string directory = "/proc/sys/net/ipv6/conf/" + name;
  for (const auto& [key, value] :
       {std::pair{"/accept_ra", "0"}, {"/accept_dad", "0"}, {"/disable_ipv6", "0"}})
    TRY(sys::write_file((directory + key).c_str(), value));
  return {};
}

Result<> switch_on(const char* path, const std::string& name) {
  auto now = sys::read_file(path);
  if (now && trim(*now) == "1") return {};
  if (auto written = sys::write_file(path, "1"); !written)
    return explain(std::move(written).error(), name);
  return {};
}

}  // namespace

Result<std::vector<Subnet>> taken_subnets(sys::NetlinkSocket& route, int bridge_index) {
  std::vector<Subnet> taken;
  for (const sys::Route& entry : TRY(sys::list_routes(route, AF_INET)))
    if (entry.prefix != 0 && entry.index != bridge_index)
      taken.push_back(subnet_of(ipv4_of(entry.destination), entry.prefix));
  for (const sys::InterfaceAddress& entry : TRY(sys::list_addresses(route, AF_INET)))
    if (entry.index != bridge_index) taken.push_back(subnet_of(ipv4_of(entry.ip), entry.prefix));
  for (const std::string& server : nameservers(host_resolv_conf()))
    if (const auto ip = parse_ipv4(server)) taken.push_back(subnet_of(*ip, 32));
  return taken;
}

Result<> allow_loopback_routing(const std::string& bridge) {
  const std::string path = "/proc/sys/net/ipv4/conf/" + bridge + "/route_localnet";
  if (auto written = sys::write_file(path.c_str(), "1"); !written)
    return explain(std::move(written).error(), "net.ipv4.conf." + bridge + ".route_localnet");
  return {};
}

Result<> allow_loopback_routing6(sys::NetlinkSocket& route, int bridge_index) {
  sys::NetlinkBatch batch;
  sys::add_loopback6_route(batch, bridge_index);
  auto added = route.transact(batch);
  if (!added && added.error().errno_value() != EEXIST) return added;
  return {};
}

Error explain(Error error, const std::string& feature) {
  switch (error.errno_value()) {
    case EPERM:
    case EACCES:
    case EROFS:
      return {ErrorKind::Unsupported, error.errno_value(),
              fmt::format("{}: {}: run as root with CAP_NET_ADMIN and CAP_SYS_ADMIN (in a "
                          "container: --privileged), or use --network none or host",
                          feature, error.message())};
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ENOSYS:
      return {ErrorKind::Unsupported, error.errno_value(),
              fmt::format("{}: {}: the kernel lacks it (load the module or build it in), or use "
                          "--network none or host",
                          feature, error.message())};
    default: return std::move(error).within(feature);
  }
}

Result<Cidr> parse_bip(const std::string& bip) {
  const auto address = parse_cidr(bip);
  // The words of Go's net.ParseCIDR, which dockerd passes on.
  if (!address) return Error::invalid("invalid CIDR address: " + bip);
  const Subnet subnet = subnet_of(address->ip, address->prefix);
  if (address->prefix > 30)
    return Error::invalid(fmt::format("invalid --bip {}: no room for containers", bip));
  if (address->ip == subnet.base || address->ip == subnet.broadcast())
    return Error::invalid(fmt::format(
        "invalid --bip {}: give the bridge's own address, not that of its network", bip));
  return *address;
}

Result<Bridge> ensure_bridge(sys::NetlinkSocket& route, const BridgeRequest& request) {
  const sys::Link link = TRY(find_or_create(route, request));
  const auto present = TRY(addresses_of(route, link.index));
  Cidr wanted;
  if (request.ipv4) wanted = TRY(wanted_address(route, request, present, link.index));
  const auto present6 = TRY(addresses6_of(route, link.index));
  Result<> ipv6;
  if (request.ipv6) ipv6 = allow_ipv6_on_bridge(request.name);
  else if (!request.ipv6_follows) ipv6 = disable_ipv6(request.name);
  if (!ipv6) return explain(std::move(ipv6).error(), "IPv6 of bridge " + request.name);

  sys::NetlinkBatch batch;
  for (const Cidr& other : present)
    if (other.ip != wanted.ip || other.prefix != wanted.prefix)
      sys::delete_address(batch,
                          {link.index, other.ip.bytes(), static_cast<std::uint8_t>(other.prefix)});
  if (request.ipv4)
    sys::add_address(batch,
                     {link.index, wanted.ip.bytes(), static_cast<std::uint8_t>(wanted.prefix)});
  if (request.ipv6) {
    for (const Cidr6& other : present6)
      if (other.ip != request.ipv6->ip || other.prefix != request.ipv6->prefix)
        sys::delete_address(
            batch, {link.index, other.ip.bytes(), static_cast<std::uint8_t>(other.prefix)});
    sys::add_address(batch, {link.index, request.ipv6->ip.bytes(),
                             static_cast<std::uint8_t>(request.ipv6->prefix)});
  }
  sys::change_link(batch, {.index = link.index, .up = true, .mtu = request.mtu});
  if (auto configured = route.transact(batch); !configured)
    return explain(std::move(configured).error(), "bridge " + request.name);
  return Bridge{link.index, wanted,
                present6.empty() ? std::nullopt : std::optional(present6.front())};
}

void stop_multicast_snooping(sys::NetlinkSocket& route, int bridge_index) {
  sys::NetlinkBatch batch;
  sys::set_multicast_snooping(batch, bridge_index, false);
  static_cast<void>(route.transact(batch));
}

Result<> remove_bridge(sys::NetlinkSocket& route, const std::string& name) {
  const auto link = TRY(sys::find_link(route, name));
  if (!link || link->kind != "bridge") return {};
  sys::NetlinkBatch batch;
  sys::delete_link(batch, link->index);
  return route.transact(batch);
}

Result<> enable_forwarding() {
  return switch_on("/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward");
}

Result<> enable_forwarding6() {
  return switch_on("/proc/sys/net/ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding");
}

}  // namespace wherry::network
