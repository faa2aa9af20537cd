#include "sys/netlink_route.h"

#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace wherry::sys {
namespace {

ifinfomsg link_header(int index, std::optional<bool> up = std::nullopt) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  if (up) {
    header.ifi_flags = *up ? IFF_UP : 0;
    header.ifi_change = IFF_UP;
  }
  return header;
}

// A header of the kernel's with the attributes behind it.
template <class Header>
struct Decoded {
  Header header;
  NetlinkAttributes attributes;
};
template <class Header>
std::optional<Decoded<Header>> decode(std::span<const std::byte> body) {
  if (body.size() < sizeof(Header)) return std::nullopt;
  Header header;
  std::memcpy(&header, body.data(), sizeof header);
  const std::size_t skip = std::min((sizeof(Header) + 3) & ~std::size_t{3}, body.size());
  return Decoded<Header>{header, NetlinkAttributes(body.subspan(skip))};
}

IpBytes ip_of(std::optional<std::span<const std::byte>> value, std::uint8_t family) {
  IpBytes ip;
  ip.size = family == AF_INET6 ? 16 : 4;
  if (value)
    std::memcpy(ip.bytes.data(), value->data(), std::min<std::size_t>(value->size(), ip.size));
  return ip;
}

MacAddress mac_of(std::optional<std::span<const std::byte>> value) {
  MacAddress mac{};
  if (value && value->size() == mac.size()) std::memcpy(mac.data(), value->data(), mac.size());
  return mac;
}

std::span<const std::byte> view(const MacAddress& mac) {
  return std::as_bytes(std::span(mac));
}

// Every object of one kind; `convert` gives nullopt for those that do not count.
template <class Object, class Header, class Convert>
Result<std::vector<Object>> list(NetlinkSocket& socket, const NetlinkBatch& request,
                                 Convert convert) {
  std::vector<Object> objects;
  TRY(socket.dump(
      request,
      [&](std::uint16_t, std::span<const std::byte> body) {
        const auto message = decode<Header>(body);
        if (!message) return;
        std::optional<Object> object = convert(message->header, message->attributes);
        if (object) objects.push_back(std::move(*object));
      },
      [&] { objects.clear(); }));
  return objects;
}

std::optional<Link> link_of(const ifinfomsg& header, const NetlinkAttributes& attributes) {
  Link link;
  link.index = header.ifi_index;
  link.up = (header.ifi_flags & IFF_UP) != 0;
  link.name = attributes.text(IFLA_IFNAME);
  link.alias = attributes.text(IFLA_IFALIAS);
  link.master = static_cast<int>(attributes.u32(IFLA_MASTER).value_or(0));
  const std::uint8_t state = attributes.u8(IFLA_OPERSTATE).value_or(IF_OPER_UNKNOWN);
  link.operational = state == IF_OPER_UP || state == IF_OPER_UNKNOWN;
  link.mtu = attributes.u32(IFLA_MTU).value_or(0);
  link.mac = mac_of(attributes.find(IFLA_ADDRESS));
  if (const auto info = attributes.nested(IFLA_LINKINFO)) link.kind = info->text(IFLA_INFO_KIND);
  return link;
}

}  // namespace

std::uint8_t IpBytes::family() const {
  return static_cast<std::uint8_t>(size == 16 ? AF_INET6 : AF_INET);
}

Result<std::vector<Link>> list_links(NetlinkSocket& socket) {
  NetlinkBatch request;
  request.message("list links", RTM_GETLINK, 0, link_header(0));
  return list<Link, ifinfomsg>(socket, request, link_of);
}

namespace {

Result<std::optional<Link>> get_link(NetlinkSocket& socket, const NetlinkBatch& request) {
  std::optional<Link> found;
  auto answered = socket.transact(request, [&](std::uint16_t, std::span<const std::byte> body) {
    const auto message = decode<ifinfomsg>(body);
    if (message) found = link_of(message->header, message->attributes);
  });
  if (!answered && answered.error().errno_value() != ENODEV)
    return std::unexpected(std::move(answered).error());
  return found;
}

Result<bool> is_operational(NetlinkSocket& socket, int index) {
  const auto link = TRY(find_link(socket, index));
  if (!link) return Error::not_found("the interface is gone");
  return link->operational;
}

}  // namespace

Result<std::optional<Link>> find_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkBatch request;
  request.message("look up link " + name, RTM_GETLINK, 0, link_header(0));
  request.text(IFLA_IFNAME, name);
  return get_link(socket, request);
}

Result<std::optional<Link>> find_link(NetlinkSocket& socket, int index) {
  NetlinkBatch request;
  request.message("look up link", RTM_GETLINK, 0, link_header(index));
  return get_link(socket, request);
}

Result<> wait_operational(NetlinkSocket& socket, int index, int timeout_ms) {
  if (TRY(is_operational(socket, index))) return {};
  NetlinkSocket changes = TRY(NetlinkSocket::open(NETLINK_ROUTE));
  TRY(changes.subscribe(RTNLGRP_LINK));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  // Asked again after the subscription, so that no change falls between the two.
  while (!TRY(is_operational(socket, index))) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const bool changed = TRY(changes.wait_and_drain(static_cast<int>(left.count())));
    if (!changed) return Error(ErrorKind::Deadline, "the interface does not become operational");
  }
  return {};
}

Result<std::vector<InterfaceAddress>> list_addresses(NetlinkSocket& socket, std::uint8_t family) {
  NetlinkBatch request;
  ifaddrmsg wanted{};
  wanted.ifa_family = family;
  request.message("list addresses", RTM_GETADDR, 0, wanted);
  return list<InterfaceAddress, ifaddrmsg>(
      socket, request, [](const ifaddrmsg& header, const NetlinkAttributes& attributes) {
        // IFA_ADDRESS is the peer's on point-to-point links; IFA_LOCAL exists for IPv4 only.
        const auto local = attributes.find(IFA_LOCAL);
        return std::optional(
            InterfaceAddress{static_cast<int>(header.ifa_index),
                             ip_of(local ? local : attributes.find(IFA_ADDRESS), header.ifa_family),
                             header.ifa_prefixlen});
      });
}

Result<std::vector<Route>> list_routes(NetlinkSocket& socket, std::uint8_t family) {
  NetlinkBatch request;
  rtmsg wanted{};
  wanted.rtm_family = family;
  request.message("list routes", RTM_GETROUTE, 0, wanted);
  return list<Route, rtmsg>(
      socket, request,
      [](const rtmsg& header, const NetlinkAttributes& attributes) -> std::optional<Route> {
        const std::uint32_t table = attributes.u32(RTA_TABLE).value_or(header.rtm_table);
        if (table != RT_TABLE_MAIN) return std::nullopt;
        return Route{ip_of(attributes.find(RTA_DST), header.rtm_family), header.rtm_dst_len,
                     static_cast<int>(attributes.u32(RTA_OIF).value_or(0))};
      });
}

Result<std::vector<Neighbour>> list_neighbours(NetlinkSocket& socket, int index,
                                               std::uint8_t family) {
  NetlinkBatch request;
  ndmsg wanted{};
  wanted.ndm_family = family;
  request.message("list neighbours", RTM_GETNEIGH, 0, wanted);
  return list<Neighbour, ndmsg>(
      socket, request,
      [index](const ndmsg& header,
              const NetlinkAttributes& attributes) -> std::optional<Neighbour> {
        if (header.ndm_ifindex != index) return std::nullopt;
        return Neighbour{index, ip_of(attributes.find(NDA_DST), header.ndm_family),
                         mac_of(attributes.find(NDA_LLADDR)), header.ndm_state};
      });
}

void add_bridge(NetlinkBatch& batch, const BridgeSpec& spec) {
  batch.message("create bridge " + spec.name, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
                link_header(0));
  batch.text(IFLA_IFNAME, spec.name);
  batch.u32(IFLA_MTU, spec.mtu);
  batch.bytes(IFLA_ADDRESS, view(spec.mac));
  batch.nest(IFLA_LINKINFO, [&] { batch.text(IFLA_INFO_KIND, "bridge"); });
  if (spec.alias.empty()) return;
  batch.message("name bridge " + spec.name, RTM_SETLINK, 0, link_header(0));
  batch.text(IFLA_IFNAME, spec.name);
  batch.bytes(IFLA_IFALIAS, std::as_bytes(std::span(spec.alias)));
}

void set_multicast_snooping(NetlinkBatch& batch, int bridge_index, bool on) {
  batch.message("set multicast snooping", RTM_NEWLINK, 0, link_header(bridge_index));
  batch.nest(IFLA_LINKINFO, [&] {
    batch.text(IFLA_INFO_KIND, "bridge");
    batch.nest(IFLA_INFO_DATA, [&] { batch.u8(IFLA_BR_MCAST_SNOOPING, on ? 1 : 0); });
  });
}

void add_veth(NetlinkBatch& batch, const VethSpec& spec) {
  batch.message("create veth " + spec.name, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(0));
  batch.text(IFLA_IFNAME, spec.name);
  batch.u32(IFLA_MTU, spec.mtu);
  batch.nest(IFLA_LINKINFO, [&] {
    batch.text(IFLA_INFO_KIND, "veth");
    batch.nest(IFLA_INFO_DATA, [&] {
      batch.nest(VETH_INFO_PEER, [&] {
        batch.raw(link_header(0));
        batch.text(IFLA_IFNAME, spec.peer_name);
        batch.u32(IFLA_MTU, spec.mtu);
        if (spec.peer_netns >= 0)
          batch.u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(spec.peer_netns));
      });
    });
  });
}

void add_macvlan(NetlinkBatch& batch, const MacvlanSpec& spec) {
  batch.message("create macvlan " + spec.name, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(0));
  batch.text(IFLA_IFNAME, spec.name);
  batch.u32(IFLA_LINK, static_cast<std::uint32_t>(spec.parent));
  batch.u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(spec.netns));
  batch.bytes(IFLA_ADDRESS, view(spec.mac));
  batch.nest(IFLA_LINKINFO, [&] {
    batch.text(IFLA_INFO_KIND, "macvlan");
    batch.nest(IFLA_INFO_DATA, [&] { batch.u32(IFLA_MACVLAN_MODE, spec.mode); });
  });
}

void add_dummy(NetlinkBatch& batch, const std::string& name, const std::string& alias) {
  batch.message("create dummy " + name, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(0, true));
  batch.text(IFLA_IFNAME, name);
  batch.nest(IFLA_LINKINFO, [&] { batch.text(IFLA_INFO_KIND, "dummy"); });
  batch.message("name dummy " + name, RTM_SETLINK, 0, link_header(0));
  batch.text(IFLA_IFNAME, name);
  batch.bytes(IFLA_IFALIAS, std::as_bytes(std::span(alias)));
}

void change_link(NetlinkBatch& batch, const LinkChange& change) {
  batch.message("change link", RTM_SETLINK, 0, link_header(change.index, change.up));
  if (change.mac) batch.bytes(IFLA_ADDRESS, view(*change.mac));
  if (change.mtu) batch.u32(IFLA_MTU, *change.mtu);
  // Without its NUL: the kernel takes the length as it is.
  if (!change.alias.empty()) batch.bytes(IFLA_IFALIAS, std::as_bytes(std::span(change.alias)));
  if (change.master) batch.u32(IFLA_MASTER, static_cast<std::uint32_t>(*change.master));
  if (!change.without_ipv6_address) return;
  batch.nest(IFLA_AF_SPEC, [&] {
    batch.nest(AF_INET6, [&] { batch.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
  });
}

void delete_link(NetlinkBatch& batch, int index) {
  batch.message("delete link", RTM_DELLINK, 0, link_header(index));
}

void configure_port_and_raise(NetlinkBatch& batch, const PortSpec& port) {
  batch.message("configure bridge port", RTM_NEWLINK, 0, link_header(port.index, true));
  batch.nest(IFLA_LINKINFO, [&] {
    batch.text(IFLA_INFO_SLAVE_KIND, "bridge");
    batch.nest(IFLA_INFO_SLAVE_DATA, [&] {
      batch.u8(IFLA_BRPORT_ISOLATED, port.isolated ? 1 : 0);
      batch.u8(IFLA_BRPORT_LEARNING, port.learning ? 1 : 0);
      batch.u8(IFLA_BRPORT_MODE, port.hairpin ? 1 : 0);
    });
  });
}

void close_port(NetlinkBatch& batch, int index) {
  // Not as slave data of RTM_NEWLINK: the state change that follows there opens it again.
  ifinfomsg header = link_header(index);
  header.ifi_family = AF_BRIDGE;
  batch.message("close bridge port", RTM_SETLINK, 0, header);
  batch.nest(IFLA_PROTINFO, [&] { batch.u8(IFLA_BRPORT_STATE, BR_STATE_DISABLED); });
}

namespace {

void address_message(NetlinkBatch& batch, std::uint16_t type, const InterfaceAddress& address) {
  const bool creates = type == RTM_NEWADDR;
  ifaddrmsg header{};
  header.ifa_family = address.ip.family();
  header.ifa_prefixlen = address.prefix;
  header.ifa_index = static_cast<std::uint32_t>(address.index);
  header.ifa_scope = address.scope;
  // Without duplicate address detection an IPv6 address works at once.
  if (creates && address.ip.size == 16) header.ifa_flags = IFA_F_NODAD;
  batch.message(creates ? "add address" : "delete address", type,
                creates ? NLM_F_CREATE | NLM_F_REPLACE : 0, header);
  batch.bytes(IFA_LOCAL, address.ip.view());
  batch.bytes(IFA_ADDRESS, address.ip.view());
  if (!creates || address.ip.size != 4 || address.prefix > 30) return;
  IpBytes broadcast = address.ip;
  for (unsigned bit = address.prefix; bit < 32; ++bit)
    broadcast.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
  batch.bytes(IFA_BROADCAST, broadcast.view());
}

}  // namespace

void add_address(NetlinkBatch& batch, const InterfaceAddress& address) {
  address_message(batch, RTM_NEWADDR, address);
}
void delete_address(NetlinkBatch& batch, const InterfaceAddress& address) {
  address_message(batch, RTM_DELADDR, address);
}

namespace {

void default_route_message(NetlinkBatch& batch, const IpBytes& gateway, std::uint16_t flags) {
  rtmsg header{};
  header.rtm_family = gateway.family();
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  batch.message("add default route", RTM_NEWROUTE, flags, header);
  batch.bytes(RTA_GATEWAY, gateway.view());
}

}  // namespace

void add_default_route(NetlinkBatch& batch, const IpBytes& gateway) {
  default_route_message(batch, gateway, NLM_F_CREATE | NLM_F_EXCL);
}
void replace_default_route(NetlinkBatch& batch, const IpBytes& gateway) {
  default_route_message(batch, gateway, NLM_F_CREATE | NLM_F_REPLACE);
}

void add_host_route(NetlinkBatch& batch, int index, const IpBytes& ip) {
  rtmsg header{};
  header.rtm_family = ip.family();
  header.rtm_dst_len = static_cast<unsigned char>(ip.size * 8);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  batch.message("add route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header);
  batch.bytes(RTA_DST, ip.view());
  batch.u32(RTA_OIF, static_cast<std::uint32_t>(index));
}

void add_loopback6_route(NetlinkBatch& batch, int index) {
  // Routes of one destination and metric exclude each other: every interface has its own.
  constexpr std::uint32_t kMetric = 2048;
  rtmsg header{};
  header.rtm_family = AF_INET6;
  header.rtm_dst_len = 128;
  header.rtm_table = RT_TABLE_LOCAL;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_LOCAL;
  batch.message("add route of ::1", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header);
  IpBytes loopback{.bytes = {}, .size = 16};
  loopback.bytes.back() = 1;
  batch.bytes(RTA_DST, loopback.view());
  batch.u32(RTA_OIF, static_cast<std::uint32_t>(index));
  batch.u32(RTA_PRIORITY, kMetric + static_cast<std::uint32_t>(index));
}

void set_forwarding(NetlinkBatch& batch, int port_index, const MacAddress& mac) {
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = port_index;
  header.ndm_state = NUD_NOARP;  // static: never aged, never moved by learning
  header.ndm_flags = NTF_MASTER;
  batch.message("set forwarding entry", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header);
  batch.bytes(NDA_LLADDR, view(mac));
}

void set_neighbour(NetlinkBatch& batch, const Neighbour& neighbour) {
  ndmsg header{};
  header.ndm_family = neighbour.ip.family();
  header.ndm_ifindex = neighbour.index;
  header.ndm_state = NUD_PERMANENT;
  batch.message("set neighbour", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header);
  batch.bytes(NDA_DST, neighbour.ip.view());
  batch.bytes(NDA_LLADDR, view(neighbour.mac));
}

void delete_neighbour(NetlinkBatch& batch, int index, const IpBytes& ip) {
  ndmsg header{};
  header.ndm_family = ip.family();
  header.ndm_ifindex = index;
  batch.message("delete neighbour", RTM_DELNEIGH, 0, header);
  batch.bytes(NDA_DST, ip.view());
}

}  // namespace wherry::sys
