// Networks: the container networks of one engine. It owns a bridge per network, their
// addresses, one nf_tables table and a pool of ready network namespaces, all named after the
// engine, and nothing else on the host: no foreign table, chain, route or interface is ever
// changed (net.ipv4.ip_forward is switched on, as docker does).
//
// State: everything is kept in memory only. The engine stores each user network's Description
// in a row of its own and hands it back with adopt_network(), and each Endpoint in its
// container's row and hands the live ones back with restore(), so a crash at any point
// leaves nothing to repair: a namespace that no process and no descriptor holds dies by
// itself and takes its veth pair along, and restore() removes a bridge that no row names.
//
// Order of calls: open, adopt_network per row, restore (once, also with an empty list), then
// the rest.
// Thread-safe; take() blocks for less than a millisecond while the pool is stocked.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "network/address_pools.h"
#include "network/default_bridge.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::network {

// Whether containers of the default bridge may open connections to each other. Off is
// enforced by bridge port isolation (no frame passes, ARP and IPv6 included) and by the
// forward chain (for hosts with br_netfilter on).
enum class Icc : bool { Off, On };

struct Options {
  std::string engine_id;  // random and stable for this data root; network ids derive from it
  std::string suffix;     // "": the default engine (wherry0, table wherry); else 1-8 of [a-z0-9]
  DefaultBridge bridge = {};
  std::vector<std::string> subnets6 = {};  // of the networks that adopt_network will bring
  std::vector<PoolSetting> address_pools = {};  // empty: docker's
  Icc icc = Icc::Off;
  unsigned mtu = 1500;
  bool strict_ports = false;  // published ports obey the host's own input rules
  unsigned pool_target = 8;  // ready sandboxes of each kind while idle; grows under load
};

// One interface of a container, as `inspect` shows it and as its row stores it.
struct Endpoint {
  NetworkId network_id;
  std::string network_name;    // "bridge"
  std::string endpoint_id;     // 64 hex characters
  std::string ip;              // "172.17.0.2"; "" on a network of IPv6 alone
  unsigned prefix = 0;         // 16
  std::string gateway;         // "172.17.0.1"
  std::string mac;             // "02:42:ac:11:00:02": derived from ip, or ip6, unless asked for
  std::string host_interface;  // our end of the veth pair; restore() finds it again
  std::string interface = "eth0";    // the container's end
  std::int64_t gateway_priority = 0;  // --gw-priority: the highest has the default route
  std::string ip6;        // "fd00::2"; "" on a network without IPv6
  unsigned prefix6 = 0;   // 64
  std::string gateway6;   // "fd00::1"

  bool operator==(const Endpoint&) const = default;
};

// `host` and `container:` need no sandbox of their own: see open_netns below.
enum class Mode : std::uint8_t { Bridge, None };

// What an endpoint may ask for.
struct EndpointWishes {
  std::optional<std::string> ip;  // refused outside the subnet or when in use
  std::optional<std::string> mac;
  std::int64_t gateway_priority = 0;
  std::optional<std::string> ip6 = std::nullopt;
  // --link-local-ip: further addresses of the interface, 169.254.0.0/16 and fe80::/10; refused
  // outside of them, and IPv6 ones where the network has no IPv6.
  std::vector<std::string> link_local = {};
};

struct SandboxRequest {
  ContainerId container;
  Mode mode = Mode::Bridge;
  std::optional<std::string> ip;  // refused outside the subnet or when in use
  std::optional<std::string> mac;
  std::optional<NetworkId> network = std::nullopt;  // nothing: the default bridge
  std::int64_t gateway_priority = 0;
  std::optional<std::string> ip6 = std::nullopt;
  std::vector<std::string> link_local = {};
};

// net.* sysctls of the container are written by the runtime after this: eth0 exists by then.
struct Sandbox {
  sys::Fd netns;                     // close it once the container's process is in it
  std::optional<Endpoint> endpoint;  // nothing for Mode::None
};

// A container that runs (or is held by the keeper) when the engine starts.
struct LiveEndpoint {
  ContainerId container;
  Endpoint endpoint;
};

enum class Protocol : std::uint8_t { Tcp = 6, Udp = 17, Sctp = 132 };

// `first` to `last` are the ports of the host that may be taken; 0 and 0: any free one.
struct PortRequest {
  Protocol protocol = Protocol::Tcp;
  std::uint16_t container_port = 0;
  // "": every address of the families that the container has, or what the network says. An
  // address of a family that it lacks is refused: nothing translates between them.
  std::string host_ip;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};
struct PublishedPort {
  Protocol protocol = Protocol::Tcp;
  std::uint16_t container_port = 0;
  std::string host_ip;  // "0.0.0.0" or "::"
  std::uint16_t host_port = 0;

  bool operator==(const PublishedPort&) const = default;
};

struct LivePorts {
  ContainerId container;
  std::vector<PublishedPort> ports;
};

// A network: what `network ls` and `network inspect` need to know, and what the engine stores
// of a user network. Addresses are empty for host and none.
struct Description {
  NetworkId id;
  std::string name;
  std::string driver;  // "bridge", "host", "null"
  Instant created;
  std::string subnet;    // "172.17.0.0/16"; "" with the gateway: a network of IPv6 alone
  std::string gateway;   // "172.17.0.1"
  std::map<std::string, std::string> options;  // com.docker.network.*
  std::map<std::string, std::string> labels;
  std::string ip_range;  // addresses are given out of it; "": the whole subnet
  std::map<std::string, std::string> auxiliary_addresses;  // never given out
  bool subnet_chosen = false;   // by us, from the default pools: no fixed addresses then
  bool gateway_shown = true;    // in inspect: docker shows no gateway that it chose itself
  bool internal = false;
  bool attachable = false;
  std::optional<std::map<std::string, std::string>> ipam_options;  // nullopt is Go's nil
  std::string bridge;           // name of the interface
  // The same for IPv6; all empty on a network without it.
  std::string subnet6;
  std::string gateway6;
  std::string ip_range6;
  std::map<std::string, std::string> auxiliary_addresses6;
  bool subnet6_chosen = false;
  bool gateway6_shown = true;
};

// A subnet that `network create` asks for, and what narrows it down.
struct PoolRequest {
  std::string subnet;  // "": the first default pool that is free
  std::string gateway;
  std::string ip_range;
  std::map<std::string, std::string> auxiliary_addresses;
};

// What `network create` asks for.
struct NetworkRequest {
  std::string name;
  std::string driver = "bridge";
  std::string subnet;  // "": the first default pool that is free
  std::string gateway;
  std::string ip_range;
  std::map<std::string, std::string> auxiliary_addresses;
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
  std::optional<std::map<std::string, std::string>> ipam_options;  // nullopt is Go's nil
  bool internal = false;
  bool attachable = false;
  bool ipv6 = false;
  PoolRequest ipv6_pool;
  bool ipv4 = true;
};

// One more interface for a container that has a sandbox.
struct JoinRequest {
  ContainerId container;
  NetworkId network;
  EndpointWishes wishes;
};

struct PoolCounts {
  std::size_t ready_bridge = 0;
  std::size_t ready_none = 0;
  std::uint64_t made = 0;
  std::uint64_t waited = 0;  // takes that found the pool empty
};

class Networks {
 public:
  // Fails for invalid options only. A host without bridges or nf_tables opens: then take()
  // of Mode::Bridge says Unsupported with the remedy, and Mode::None works.
  static Result<std::unique_ptr<Networks>> open(Options options);
  virtual ~Networks() = default;

  // ---- user networks ------------------------------------------------------------------
  // Checks the request in docker's words and settles what it leaves open; name and subnet are
  // taken from now on. The caller stores the description, then calls raise_network; on a
  // failure in between, drop_network.
  virtual Result<Description> plan_network(const NetworkRequest& request) = 0;
  // Bridge and rules of a planned network.
  virtual Result<> raise_network(const NetworkId& id) = 0;
  // plan and raise for a row of the engine's. A failure is remembered: joins of it say so.
  virtual void adopt_network(const Description& network) = 0;
  // Forbidden in docker's words while a container is on it.
  virtual Result<> remove_network(const NetworkId& id) = 0;

  // ---- containers ---------------------------------------------------------------------
  // Reserves the addresses and ports of live containers, and removes interfaces, bridges and
  // neighbour entries of ours that belong to none of them. Until it is done the rules of an
  // earlier engine stay in force, so that published ports work on meanwhile.
  virtual Result<> restore(std::span<const LiveEndpoint> live,
                           std::span<const LivePorts> ports) = 0;
  Result<> restore(std::span<const LiveEndpoint> live) { return restore(live, {}); }

  // A namespace ready for the container: lo up and, for Mode::Bridge, eth0 with address,
  // MAC and default route, up and connected. One sandbox per container id (Conflict).
  virtual Result<Sandbox> take(const SandboxRequest& request) = 0;

  // An interface on one more network, live or before the container's process exists; `netns`
  // is the sandbox. The default route goes to the endpoint with the highest priority, then
  // the first by name, that is not on an internal network.
  virtual Result<Endpoint> join(const JoinRequest& request, const sys::Fd& netns) = 0;
  // Takes the interface away; published ports move to the endpoint that has the default route.
  virtual Result<> leave(const ContainerId& container, const NetworkId& network,
                         const sys::Fd& netns) = 0;

  // `--link` on the default bridge: the container reaches the targets' addresses there, as long
  // as they run; replaces what was said before. Without effect where icc is on.
  virtual Result<> link(const ContainerId& container, std::span<const ContainerId> targets) = 0;

  // The container is gone: its addresses and ports may be given out again. Unknown ids are
  // ignored.
  virtual void release(const ContainerId& container) = 0;

  // Makes the ports reachable through the endpoint that has the default route. All or none;
  // Conflict in docker's words for a port that is taken. Replaces nothing: once per sandbox.
  // No endpoint that can publish (an internal network): an empty list.
  virtual Result<std::vector<PublishedPort>> publish(const ContainerId& container,
                                                     std::span<const PortRequest> ports) = 0;

  [[nodiscard]] virtual std::optional<Endpoint> endpoint(const ContainerId& container) = 0;
  [[nodiscard]] virtual std::vector<Endpoint> endpoints(const ContainerId& container) = 0;
  // bridge, host, none, whose ids are stable for an engine_id, and the user networks.
  [[nodiscard]] virtual std::vector<Description> descriptions() = 0;
  // Full id, name, unique id prefix, in that order; NotFound "network x not found".
  [[nodiscard]] virtual Result<Description> find_network(std::string_view name) = 0;
  // Until no endpoint is on it, or the limit is over: release() may be on its way. False if some are.
  virtual bool wait_until_left(const NetworkId& id, std::chrono::milliseconds limit) = 0;
  // How many endpoints are on it.
  [[nodiscard]] virtual std::size_t members(const NetworkId& id) = 0;
  [[nodiscard]] virtual PoolCounts pool_counts() = 0;

  // Why Mode::Bridge cannot work on this host; nothing if it can.
  [[nodiscard]] virtual std::optional<Error> bridge_problem() = 0;

  // Base chains of others that drop forwarded packets, and with them those of containers, as
  // "ip filter FORWARD"; they may accept ours by a rule, which is not looked into.
  [[nodiscard]] virtual std::vector<std::string> foreign_drops() = 0;

  // Removes bridge, table and interfaces (`wherryd --cleanup`). Containers that still run
  // lose their network. Only the destructor may follow.
  virtual Result<> remove_everything() = 0;
};

// The network namespace of a running process, for `--network container:<id>`.
Result<sys::Fd> open_netns(const sys::Pidfd& process);

}  // namespace wherry::network
