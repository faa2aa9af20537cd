// KernelNetworks: Networks on the running kernel. Private to src/network; one class in five
// files: networks.cc (opening, restoring), sandboxes.cc (containers' interfaces),
// user_networks.cc (networks that come and go), published.cc (ports), links.cc (links).
//
// Locks, in this order: firewall_mutex_ (held while the table is written, so that what it
// says is never older than state_), route_mutex_ (work off the critical path), state_ (short,
// no I/O), that of ports_. Calls for one container come one after the other: the engine sees to it.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "base/guarded.h"
#include "network/firewall.h"
#include "network/ipam.h"
#include "network/macvlan.h"
#include "network/network.h"
#include "network/plan.h"
#include "network/pool.h"
#include "network/port_table.h"
#include "network/rules_watch.h"
#include "network/sandbox.h"
#include "network/strict.h"

namespace wherry::network {

// A bridge network that is there, or is being made.
struct Segment {
  Description description;
  BridgeSettings settings;
  std::optional<Addressing> addressing;
  std::optional<AddressPool> addresses;
  std::optional<Addressing6> addressing6 = std::nullopt;
  std::optional<AddressPool6> addresses6 = std::nullopt;
  int bridge_index = 0;          // 0: not raised yet, or without a bridge
  std::optional<MacvlanSettings> macvlan = std::nullopt;  // a network without a bridge
  std::optional<Error> problem;  // why it could not be raised

  [[nodiscard]] Icc icc() const { return settings.icc; }
  // All of an endpoint's, or none.
  Result<> reserve(const Endpoint& endpoint, const ContainerId& container);
  void release(const Endpoint& endpoint);
};

// What one call needs to know of a segment, copied under the lock.
struct SegmentFacts {
  NetworkId id;
  std::string name;
  std::string bridge;
  int bridge_index = 0;
  std::optional<Addressing> addressing;
  BridgeSettings settings;
  bool internal = false;
  std::optional<Addressing6> addressing6 = std::nullopt;
  std::optional<MacvlanSettings> macvlan = std::nullopt;
  std::string macvlan_parent = {};
};

struct Taken {
  std::vector<Endpoint> endpoints;  // none for Mode::None
  sys::Fd netns;  // keeps the namespace until release; not there after a restart
  std::vector<HeldPort> ports;
  std::vector<ContainerId> links;  // whom it reaches on the default bridge
  // Where the firewall sends them, by family.
  std::optional<sys::IpBytes> port_target = std::nullopt;
  std::optional<sys::IpBytes> port_target6 = std::nullopt;
};

struct State {
  bool restored = false;
  std::map<NetworkId, Segment> segments;
  std::unordered_map<ContainerId, Taken> taken;
  bool was_linked = false;  // any container, ever: most hosts have no link

  [[nodiscard]] std::vector<NetworkId> internal_networks() const;
  // The endpoint that has the container's default route; null if there is none.
  [[nodiscard]] const Endpoint* gateway_of(const ContainerId& container) const;
  [[nodiscard]] std::size_t members(const NetworkId& id) const;
  [[nodiscard]] const Endpoint* gateway6_of(const ContainerId& container) const;
};

// Ids of the endpoints that have a container's default routes; "": none has.
struct DefaultRoutes {
  std::string ipv4;
  std::string ipv6;
};

// Where a container's published ports lead to; nothing where it has no way out by the family.
struct PortGateway {
  sys::IpBytes container_ip;
  SegmentFacts segment;
};
struct PortGateways {
  std::optional<PortGateway> ipv4;
  std::optional<PortGateway> ipv6;
};

class KernelNetworks final : public Networks {
 public:
  explicit KernelNetworks(Options options);
  KernelNetworks(const KernelNetworks&) = delete;
  KernelNetworks& operator=(const KernelNetworks&) = delete;
  ~KernelNetworks() override { rules_watch_.reset(); }

  // Bridge, table and forwarding; what fails is remembered as the bridge's problem.
  void prepare();

  Result<Description> plan_network(const NetworkRequest& request) override;
  Result<> raise_network(const NetworkId& id) override;
  void adopt_network(const Description& network) override;
  Result<> remove_network(const NetworkId& id) override;
  using Networks::restore;
  Result<> restore(std::span<const LiveEndpoint> live,
                   std::span<const LivePorts> ports) override;
  Result<Sandbox> take(const SandboxRequest& request) override;
  Result<Endpoint> join(const JoinRequest& request, const sys::Fd& netns) override;
  Result<> leave(const ContainerId& container, const NetworkId& network,
                 const sys::Fd& netns) override;
  Result<> link(const ContainerId& container, std::span<const ContainerId> targets) override;
  void release(const ContainerId& container) override;
  Result<std::vector<PublishedPort>> publish(const ContainerId& container,
                                             std::span<const PortRequest> ports) override;
  std::optional<Endpoint> endpoint(const ContainerId& container) override;
  std::vector<Endpoint> endpoints(const ContainerId& container) override;
  std::vector<Description> descriptions() override;
  Result<Description> find_network(std::string_view name) override;
  bool wait_until_left(const NetworkId& id, std::chrono::milliseconds limit) override;
  std::size_t members(const NetworkId& id) override;
  PoolCounts pool_counts() override { return pool_->counts(); }
  std::optional<Error> bridge_problem() override { return problem_; }
  [[nodiscard]] bool is_strict() const { return options_.strict_ports; }
  std::vector<std::string> foreign_drops() override;
  Result<> remove_everything() override;

 private:
  // networks.cc
  Result<Segment> lay_ground();
  Result<> prepare_strict();
  Result<> leave_strict();
  [[nodiscard]] PortTables port_tables() const;
  Result<> write_first_table();
  Result<> write_table();
  void watch_rules();
  Result<> apply_table_locked();
  FirewallSpec firewall_spec();
  Result<> reserve_live(const LiveEndpoint& live);
  Result<> reconnect(const LiveEndpoint& live, const std::vector<sys::Link>& links);
  Result<> remove_stray_interfaces(const std::set<std::string>& live_aliases);
  Result<> remove_stray_neighbours(const std::set<std::string>& live_addresses);
  Result<> remove_stray_bridges(const std::vector<sys::Link>& links);
  [[nodiscard]] std::string bridge_alias(const NetworkId& id) const;

  // sandboxes.cc
  Result<> claim(const SandboxRequest& request);
  Result<SegmentFacts> facts_of(const NetworkId& id);
  Result<Endpoint> lease_endpoint(const ContainerId& container, const SegmentFacts& segment,
                                  const EndpointWishes& wishes);
  Result<> connect(ReadySandbox& ready, const SandboxRequest& wanted, const SegmentFacts& segment,
                   const Endpoint& endpoint);
  Result<> add_and_connect(const JoinRequest& request, const SegmentFacts& segment,
                           Endpoint& endpoint, const sys::Fd& netns);
  Result<> move_default_route(const ContainerId& container, const DefaultRoutes& before,
                              const sys::Fd& netns);
  DefaultRoutes default_routes(const ContainerId& container);
  Result<> connect_macvlan(ReadySandbox& ready, const SegmentFacts& segment,
                           const Endpoint& endpoint, const ConnectSandbox& request);
  Result<> remove_interface(const Endpoint& endpoint, const sys::Fd& netns);
  void disconnect(const Endpoint& endpoint);
  void close_macvlans(const ContainerId& container);
  void forget(const ContainerId& container);

  // links.cc
  bool is_linked(const ContainerId& container);
  void close_links(const ContainerId& container);

  // user_networks.cc
  Result<> raise_segment(const NetworkId& id);
  Result<> raise_macvlan(const NetworkId& id);

  // published.cc
  void hold_live_ports(const LivePorts& live);
  PortGateways port_gateways(const ContainerId& container);
  Result<> check_port_limit(const ContainerId& container, std::size_t more);
  Result<std::vector<HeldPort>> hold_ports(const ContainerId& container,
                                           std::span<const PortRequest> ports,
                                           const PortGateways& gateways);
  Result<std::vector<HeldPort>> hold_port(const PortRequest& request,
                                          std::span<const std::string> host_ips);
  void allow_loopback(const PortGateways& gateways);
  void retarget_ports(const ContainerId& container);
  void unpublish(const ContainerId& container);

  const Options options_;
  const Instant created_;
  const NetworkId bridge_id_;
  const std::string veth_prefix_;
  // Written by prepare() only, before any other thread can see this object.
  std::optional<Error> problem_;
  std::optional<StrictPath> strict_;
  std::set<std::string> links_at_open_;
  std::unique_ptr<SandboxPool> pool_;

  std::mutex firewall_mutex_;
  sys::NetlinkSocket netfilter_;
  std::unique_ptr<RulesWatch> rules_watch_;  // from restore() on; calls write_table()
  // For work off the critical path; held over its system calls, which do not wait.
  std::mutex route_mutex_;
  sys::NetlinkSocket route_;
  PortTable ports_;  // before state_, which holds ports of it
  Guarded<State> state_;
  std::condition_variable left_;  // an endpoint is gone from state_
};

// "wherry0" and "wherry" for the default engine; others carry their suffix. Fifteen
// characters are the kernel's limit for interfaces.
std::string bridge_name(const std::string& suffix);
std::string table_name(const std::string& suffix);

// Where a segment's container end goes and how.
Result<ConnectSandbox> connection(const ContainerId& container, const SegmentFacts& segment,
                                  const Endpoint& endpoint);
SegmentFacts facts(const Segment& segment);
Result<Segment> make_segment(const Description& network);
std::vector<PortTarget> targets_of(const Taken& taken);
// Who reaches whom on `network` by links.
std::vector<AddressPair> linked_pairs(const State& state, const NetworkId& network);

}  // namespace wherry::network
