#include <fcntl.h>
#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "base/guarded.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/undo.h"
#include "network/bridge.h"
#include "network/firewall.h"
#include "network/ipam.h"
#include "network/network.h"
#include "network/pool.h"
#include "network/sandbox.h"

namespace wherry::network {
namespace {

constexpr std::size_t kMaximumSuffix = 8;

// "wherry0" and "wherry" for the default engine; others carry their suffix. Fifteen
// characters are the kernel's limit for interfaces.
std::string bridge_name(const std::string& suffix) {
  return suffix.empty() ? "wherry0" : "wherry-" + suffix;
}
std::string table_name(const std::string& suffix) {
  return suffix.empty() ? "wherry" : "wherry-" + suffix;
}

// Stable for an engine: 64 hex digits by splitmix64 over an FNV-1a hash of both names. Ids
// need to differ, not to be secret.
NetworkId network_id(const std::string& engine_id, std::string_view name) {
  std::uint64_t state = 14695981039346656037ULL;
  for (const char c : engine_id + "/" + std::string(name))
    state = (state ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
  std::string text;
  for (int i = 0; i < 4; ++i) {
    state += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    text += fmt::format("{:016x}", mixed ^ (mixed >> 31));
  }
  return NetworkId(text);
}

Result<> check_options(const Options& options) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good_suffix = options.suffix.size() <= kMaximumSuffix &&
                           std::all_of(options.suffix.begin(), options.suffix.end(), allowed);
  if (!good_suffix) return Error::invalid("invalid network suffix: " + options.suffix);
  if (options.mtu < 68 || options.mtu > 65535)
    return Error::invalid(fmt::format("invalid MTU: {}", options.mtu));
  if (!options.bip.empty()) TRY(parse_bip(options.bip));
  return {};
}

// What exists once the bridge is up.
struct Ground {
  Bridge bridge;
  Subnet subnet;
};

struct Taken {
  std::optional<Endpoint> endpoint;  // nothing for Mode::None
  sys::Fd netns;                     // keeps the namespace until release; not there after a restart
};

struct State {
  bool restored = false;
  std::optional<AddressPool> addresses;  // set with the ground
  std::unordered_map<ContainerId, Taken> taken;
};

class KernelNetworks final : public Networks {
 public:
  explicit KernelNetworks(Options options)
      : options_(std::move(options)),
        created_(now()),
        bridge_id_(network_id(options_.engine_id, "bridge")),
        veth_prefix_(veth_prefix(options_.suffix)) {}

  // Bridge, table and forwarding; what fails is remembered as the bridge's problem.
  void prepare();

  Result<> restore(std::span<const LiveEndpoint> live) override;
  Result<Sandbox> take(const SandboxRequest& request) override;
  void release(const ContainerId& container) override;
  std::optional<Endpoint> endpoint(const ContainerId& container) override;
  std::vector<Description> descriptions() override;
  PoolCounts pool_counts() override { return pool_->counts(); }
  std::optional<Error> bridge_problem() override { return problem_; }
  Result<> remove_everything() override;

 private:
  Result<Ground> lay_ground();
  Result<> reserve_live(const LiveEndpoint& live);
  Result<> reconnect(const LiveEndpoint& live, const std::vector<sys::Link>& links);
  Result<> remove_strays(const std::set<std::string>& live_containers,
                         const std::set<Ipv4>& live_addresses);
  Result<> claim(const SandboxRequest& request);
  Result<Endpoint> lease_endpoint(const SandboxRequest& request);
  Result<> connect(ReadySandbox& ready, const ContainerId& container, const Endpoint& endpoint);
  [[nodiscard]] Result<ConnectSandbox> connection(const ContainerId& container,
                                                  const Endpoint& endpoint) const;
  void disconnect(const Endpoint& endpoint);
  void forget(const ContainerId& container);

  const Options options_;
  const Instant created_;
  const NetworkId bridge_id_;
  const std::string veth_prefix_;
  // Written by prepare() only, before any other thread can see this object.
  std::optional<Ground> ground_;
  std::optional<Error> problem_;
  std::set<std::string> links_at_open_;
  std::unique_ptr<SandboxPool> pool_;

  Guarded<State> state_;
  // For work off the critical path; held over its system calls, which do not wait.
  std::mutex route_mutex_;
  sys::NetlinkSocket route_;
};

Result<Ground> KernelNetworks::lay_ground() {
  route_ = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
  for (const sys::Link& link : TRY(sys::list_links(route_)))
    if (link.kind == "veth" && link.name.starts_with(veth_prefix_))
      links_at_open_.insert(link.name);

  const std::string name = bridge_name(options_.suffix);
  Ground ground;
  ground.bridge = TRY(ensure_bridge(route_, {name, options_.bip, options_.mtu}));
  ground.subnet = subnet_of(ground.bridge.address.ip, ground.bridge.address.prefix);

  auto netfilter = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (!netfilter) return explain(std::move(netfilter).error(), "nf_tables");
  // The table stands before packets are forwarded: no moment without its rules.
  const std::string table = table_name(options_.suffix);
  auto applied = apply_firewall(*netfilter, {table, name, ground.subnet, options_.icc});
  if (!applied) return explain(std::move(applied).error(), "nf_tables");
  // Without it containers reach this host, but nothing beyond: limited, not useless.
  if (auto forwarding = enable_forwarding(); !forwarding)
    log::warning("containers reach no other host: {}", forwarding.error().message());
  for (const std::string& chain :
       foreign_forward_drops(*netfilter, table).value_or(std::vector<std::string>{}))
    log::warning(
        "the firewall chain \"{}\" drops forwarded packets by default: containers may "
        "not reach other hosts unless it accepts traffic of {}",
        chain, name);
  return ground;
}

void KernelNetworks::prepare() {
  auto ground = lay_ground();
  if (ground) {
    ground_ = *ground;
    state_.lock()->addresses.emplace(ground->subnet, ground->bridge.address.ip);
  } else {
    problem_ = std::move(ground).error();
  }
  pool_ = std::make_unique<SandboxPool>(SandboxPool::Options{.veth_prefix = veth_prefix_,
                                                             .mtu = options_.mtu,
                                                             .target = options_.pool_target,
                                                             .bridge = ground_.has_value()});
}

Result<> KernelNetworks::restore(std::span<const LiveEndpoint> live) {
  std::set<std::string> containers;
  std::set<Ipv4> addresses;
  for (const LiveEndpoint& entry : live) {
    // One row that does not fit any more (another --bip) must not keep the engine down.
    if (auto reserved = reserve_live(entry); !reserved)
      log::warning("container {}: {}", entry.container.short_form(), reserved.error().message());
    containers.insert(entry.container.str());
    if (const auto ip = parse_ipv4(entry.endpoint.ip)) addresses.insert(*ip);
  }
  if (ground_) {
    const std::scoped_lock lock(route_mutex_);
    TRY(remove_strays(containers, addresses));
    const auto links = TRY(sys::list_links(route_));
    for (const LiveEndpoint& entry : live)
      if (auto joined = reconnect(entry, links); !joined)
        log::warning("container {}: {}", entry.container.short_form(), joined.error().message());
  }
  state_.lock()->restored = true;
  return {};
}

Result<> KernelNetworks::reserve_live(const LiveEndpoint& live) {
  auto state = state_.lock();
  state->taken.insert_or_assign(live.container, Taken{live.endpoint, {}});
  const auto ip = parse_ipv4(live.endpoint.ip);
  if (!ip || !state->addresses) return {};
  return state->addresses->reserve(*ip, live.container);
}

// Finds the interface of a live container by its alias, and puts the port back where somebody
// removed our bridge or its entries.
Result<> KernelNetworks::reconnect(const LiveEndpoint& live, const std::vector<sys::Link>& links) {
  const auto link = std::find_if(links.begin(), links.end(), [&](const sys::Link& candidate) {
    return candidate.name.starts_with(veth_prefix_) && candidate.alias == live.container.str();
  });
  if (link == links.end())
    return Error::not_found("its network interface is gone: restart the container");
  {
    auto state = state_.lock();
    auto& endpoint = state->taken[live.container].endpoint;
    if (endpoint) endpoint->host_interface = link->name;
  }
  return connect_port(route_, link->index, TRY(connection(live.container, live.endpoint)));
}

Result<> KernelNetworks::remove_strays(const std::set<std::string>& live_containers,
                                       const std::set<Ipv4>& live_addresses) {
  for (const std::string& name : links_at_open_) {
    const auto link = TRY(sys::find_link(route_, name));
    if (!link || live_containers.contains(link->alias)) continue;
    sys::NetlinkBatch batch;
    sys::delete_link(batch, link->index);
    auto deleted = route_.transact(batch);
    // Its namespace may have ended by itself meanwhile.
    if (!deleted && deleted.error().errno_value() != ENODEV) return deleted;
  }
  const int bridge = ground_->bridge.index;
  const auto neighbours = TRY(sys::list_neighbours(route_, bridge, AF_INET));
  for (const sys::Neighbour& entry : neighbours) {
    const bool ours = (entry.state & NUD_PERMANENT) != 0;
    if (!ours || live_addresses.contains(ipv4_of(entry.ip))) continue;
    sys::NetlinkBatch batch;
    sys::delete_neighbour(batch, bridge, entry.ip);
    auto deleted = route_.transact(batch);
    if (!deleted && deleted.error().errno_value() != ENOENT) return deleted;
  }
  return {};
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

Result<Endpoint> KernelNetworks::lease_endpoint(const SandboxRequest& request) {
  auto state = state_.lock();
  AddressPool& addresses = *state->addresses;
  std::optional<Ipv4> ip;
  if (request.ip) {
    ip = parse_ipv4(*request.ip);
    if (!ip) return Error::invalid("invalid IPv4 address: " + *request.ip);
    TRY(addresses.reserve(*ip, request.container));
  } else {
    ip = TRY(addresses.lease(request.container));
  }
  Endpoint endpoint;
  endpoint.network_id = bridge_id_;
  endpoint.network_name = "bridge";
  endpoint.endpoint_id = random_hex(32);
  endpoint.ip = ip->str();
  endpoint.prefix = ground_->subnet.prefix;
  endpoint.gateway = ground_->bridge.address.ip.str();
  endpoint.mac = request.mac.value_or(mac_text(mac_for(*ip)));
  return endpoint;
}

Result<ConnectSandbox> KernelNetworks::connection(const ContainerId& container,
                                                  const Endpoint& endpoint) const {
  const auto ip = parse_ipv4(endpoint.ip);
  const auto mac = parse_mac(endpoint.mac);
  if (!ip || !mac)
    return Error::invalid(
        fmt::format("invalid endpoint: ip \"{}\", mac \"{}\"", endpoint.ip, endpoint.mac));
  return ConnectSandbox{.bridge_index = ground_->bridge.index,
                        .isolated = options_.icc == Icc::Off,
                        .ip = *ip,
                        .prefix = ground_->subnet.prefix,
                        .gateway = ground_->bridge.address.ip,
                        .mac = *mac,
                        .owner = container.str()};
}

Result<> KernelNetworks::connect(ReadySandbox& ready, const ContainerId& container,
                                 const Endpoint& endpoint) {
  const ConnectSandbox request = TRY(connection(container, endpoint));
  auto connected = connect_sandbox(ready, request);
  if (!connected && connected.error().errno_value() == EXFULL)
    return Error(ErrorKind::Unavailable,
                 fmt::format("network bridge is full: a Linux bridge has 1023 ports, stop some "
                             "containers or use another network ({})",
                             connected.error().message()));
  return connected;
}

Result<Sandbox> KernelNetworks::take(const SandboxRequest& request) {
  const bool wants_bridge = request.mode == Mode::Bridge;
  if (wants_bridge && !ground_) return Error(*problem_);
  if (wants_bridge && request.mac && !parse_mac(*request.mac))
    return Error::invalid("invalid MAC address: " + *request.mac);
  TRY(claim(request));
  Undo undo;
  undo.add([&] { release(request.container); });
  Undo always;
  always.add([&] { pool_->refill(); });

  std::optional<Endpoint> endpoint;
  if (wants_bridge) {
    endpoint = TRY(lease_endpoint(request));
    state_.lock()->taken[request.container].endpoint = endpoint;
  }
  ReadySandbox ready = TRY_AS("network sandbox", pool_->take(request.mode));
  if (endpoint) {
    endpoint->host_interface = ready.host_interface;
    TRY_AS("connect to network bridge", connect(ready, request.container, *endpoint));
  }
  state_.lock()->taken[request.container] = Taken{endpoint, TRY(ready.netns.duplicate())};
  undo.commit();
  return Sandbox{std::move(ready.netns), std::move(endpoint)};
}

void KernelNetworks::release(const ContainerId& container) {
  std::optional<Endpoint> gone = endpoint(container);
  // The address is free again only when nothing in the kernel points to its old owner.
  if (gone) disconnect(*gone);
  forget(container);
}

// Best effort: most of it is gone already when the namespace has ended. The veth pair is not
// deleted, which would take 30 ms: it dies with its namespace. Until then (processes of a
// `--network container:` neighbour may live on) its port is closed.
void KernelNetworks::disconnect(const Endpoint& endpoint) {
  const auto ip = parse_ipv4(endpoint.ip);
  if (!ground_ || !ip) return;
  const std::scoped_lock lock(route_mutex_);
  sys::NetlinkBatch batch;
  const auto link = sys::find_link(route_, endpoint.host_interface);
  if (link && *link) sys::close_port(batch, (*link)->index);
  sys::delete_neighbour(batch, ground_->bridge.index, ip->bytes());
  static_cast<void>(route_.transact(batch));
}

void KernelNetworks::forget(const ContainerId& container) {
  auto state = state_.lock();
  const auto found = state->taken.find(container);
  if (found == state->taken.end()) return;
  const std::optional<Endpoint>& endpoint = found->second.endpoint;
  const auto ip = endpoint ? parse_ipv4(endpoint->ip) : std::nullopt;
  if (ip && state->addresses) state->addresses->release(*ip);
  sys::Fd netns = std::move(found->second.netns);
  state->taken.erase(found);
  if (netns) pool_->bury(std::move(netns));
}

std::optional<Endpoint> KernelNetworks::endpoint(const ContainerId& container) {
  auto state = state_.lock();
  const auto found = state->taken.find(container);
  return found == state->taken.end() ? std::nullopt : found->second.endpoint;
}

std::vector<Description> KernelNetworks::descriptions() {
  Description bridge{bridge_id_, "bridge", "bridge", created_, "", "", {}};
  if (ground_) {
    bridge.subnet = ground_->subnet.str();
    bridge.gateway = ground_->bridge.address.ip.str();
  }
  bridge.options = {
      {"com.docker.network.bridge.default_bridge", "true"},
      {"com.docker.network.bridge.enable_icc", options_.icc == Icc::On ? "true" : "false"},
      {"com.docker.network.bridge.enable_ip_masquerade", "true"},
      {"com.docker.network.bridge.host_binding_ipv4", "0.0.0.0"},
      {"com.docker.network.bridge.name", bridge_name(options_.suffix)},
      {"com.docker.network.driver.mtu", std::to_string(options_.mtu)}};
  return {std::move(bridge),
          {network_id(options_.engine_id, "host"), "host", "host", created_, "", "", {}},
          {network_id(options_.engine_id, "none"), "none", "null", created_, "", "", {}}};
}

Result<> KernelNetworks::remove_everything() {
  pool_.reset();
  const std::scoped_lock lock(route_mutex_);
  auto netfilter = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (netfilter) TRY(remove_firewall(*netfilter, table_name(options_.suffix)));
  if (!route_) return {};
  for (const sys::Link& link : TRY(sys::list_links(route_))) {
    if (link.kind != "veth" || !link.name.starts_with(veth_prefix_)) continue;
    sys::NetlinkBatch batch;
    sys::delete_link(batch, link.index);
    auto deleted = route_.transact(batch);
    if (!deleted && deleted.error().errno_value() != ENODEV) return deleted;
  }
  return remove_bridge(route_, bridge_name(options_.suffix));
}

}  // namespace

Result<std::unique_ptr<Networks>> Networks::open(Options options) {
  TRY(check_options(options));
  auto networks = std::make_unique<KernelNetworks>(std::move(options));
  networks->prepare();
  return networks;
}

}  // namespace wherry::network
