// rtnetlink(7) as the engine's networks use it: links, bridge ports, addresses, routes and
// neighbours. The functions that take a batch append one or two messages to it; nothing
// happens before NetlinkSocket::transact.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"
#include "sys/netlink.h"

namespace wherry::sys {

using MacAddress = std::array<std::uint8_t, 6>;

// Four bytes (IPv4) or sixteen (IPv6), in network order.
struct IpBytes {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t size = 4;

  [[nodiscard]] std::uint8_t family() const;  // AF_INET or AF_INET6
  [[nodiscard]] std::span<const std::byte> view() const {
    return std::as_bytes(std::span(bytes)).first(size);
  }
  bool operator==(const IpBytes&) const = default;
};

struct Link {
  int index = 0;
  std::string name;
  std::string alias;  // free text that the kernel keeps with the link
  std::string kind;   // "bridge", "veth", "" for hardware
  int master = 0;     // index of the bridge that it is a port of; 0: none
  bool up = false;
  bool operational = false;  // frames pass: RFC 2863 "up", or a kind that does not know
  std::uint32_t mtu = 0;
  MacAddress mac{};
};

struct InterfaceAddress {
  int index = 0;
  IpBytes ip;
  std::uint8_t prefix = 0;
  std::uint8_t scope = 0;  // RT_SCOPE_*; another than UNIVERSE is no source for other interfaces
};

struct Route {
  IpBytes destination;  // all zero with prefix 0: the default route
  std::uint8_t prefix = 0;
  int index = 0;  // outgoing interface; 0 for unreachable, blackhole and the like
};

struct Neighbour {
  int index = 0;
  IpBytes ip;
  MacAddress mac{};
  std::uint16_t state = 0;  // NUD_*
};

Result<std::vector<Link>> list_links(NetlinkSocket& socket);
// nullopt when no link has the name.
Result<std::optional<Link>> find_link(NetlinkSocket& socket, const std::string& name);
Result<std::optional<Link>> find_link(NetlinkSocket& socket, int index);
// Waits until the link is operational; Deadline. A carrier that has just come is announced by
// a worker of the kernel, and frames sent before are lost. Asking alone completes that from
// Linux 6.8 on; older kernels are waited for. For the namespace of the calling thread.
Result<> wait_operational(NetlinkSocket& socket, int index, int timeout_ms);
Result<std::vector<InterfaceAddress>> list_addresses(NetlinkSocket& socket, std::uint8_t family);
// The main table's routes, default routes included.
Result<std::vector<Route>> list_routes(NetlinkSocket& socket, std::uint8_t family);
Result<std::vector<Neighbour>> list_neighbours(NetlinkSocket& socket, int index,
                                               std::uint8_t family);

struct BridgeSpec {
  std::string name;
  std::uint32_t mtu = 1500;
  MacAddress mac{};  // set, so that it does not change with the ports
  std::string alias = {};  // "" none; set by a second message of the same batch
};
void add_bridge(NetlinkBatch& batch, const BridgeSpec& spec);
void set_multicast_snooping(NetlinkBatch& batch, int bridge_index, bool on);

// A veth pair, both ends down; the peer is made inside `peer_netns`, because moving a link
// costs ~30 ms of waiting for RCU.
struct VethSpec {
  std::string name;
  std::string peer_name;
  int peer_netns = -1;  // -1: beside the other end
  std::uint32_t mtu = 1500;
};
void add_veth(NetlinkBatch& batch, const VethSpec& spec);

// An interface of its own MAC on top of `parent`, made inside `netns`. MACVLAN_MODE_* of if_link.h.
struct MacvlanSpec {
  std::string name;
  int parent = 0;
  std::uint32_t mode = 4;  // bridge
  int netns = -1;
  MacAddress mac{};
};
void add_macvlan(NetlinkBatch& batch, const MacvlanSpec& spec);

// An interface that leads nowhere.
void add_dummy(NetlinkBatch& batch, const std::string& name, const std::string& alias);

// What to change of a link; unset members stay.
struct LinkChange {
  int index = 0;
  std::optional<bool> up;
  std::optional<int> master;
  std::optional<MacAddress> mac;
  std::optional<std::uint32_t> mtu;
  std::string alias;                  // "" stays
  bool without_ipv6_address = false;  // no link-local address, hence no MLD and DAD noise
};
void change_link(NetlinkBatch& batch, const LinkChange& change);
void delete_link(NetlinkBatch& batch, int index);

// Options of a bridge port (the link must have its master already), and up with it.
struct PortSpec {
  int index = 0;
  bool isolated = false;  // exchanges frames with the bridge only, not with isolated ports
  bool learning = true;   // false: only add_forwarding entries; a container cannot steal a MAC
  bool hairpin = false;   // a frame may leave by the port that it came in by
};
void configure_port_and_raise(NetlinkBatch& batch, const PortSpec& port);

// The port neither takes nor gives frames from now on.
void close_port(NetlinkBatch& batch, int index);

void add_address(NetlinkBatch& batch, const InterfaceAddress& address);
void delete_address(NetlinkBatch& batch, const InterfaceAddress& address);
void add_default_route(NetlinkBatch& batch, const IpBytes& gateway);
// In the place of the one that is there, if any.
void replace_default_route(NetlinkBatch& batch, const IpBytes& gateway);
// `ip` alone is reached by `index`, without a gateway.
void add_host_route(NetlinkBatch& batch, int index, const IpBytes& ip);
// Packets for ::1 that come out of `index` are this host's own, as route_localnet has it for
// IPv4. The first route to ::1 stays that of lo.
void add_loopback6_route(NetlinkBatch& batch, int index);

// A static entry of the bridge's forwarding table: frames for `mac` leave by the port.
void set_forwarding(NetlinkBatch& batch, int port_index, const MacAddress& mac);
// A permanent neighbour: no ARP needed, and none believed.
void set_neighbour(NetlinkBatch& batch, const Neighbour& neighbour);
void delete_neighbour(NetlinkBatch& batch, int index, const IpBytes& ip);

}  // namespace wherry::sys
