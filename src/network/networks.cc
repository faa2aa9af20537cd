#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "network/bridge.h"
#include "network/kernel_networks.h"

namespace wherry::network {
namespace {

constexpr std::size_t kMaximumSuffix = 8;

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
  TRY(check_default_bridge(options.bridge, options.mtu));
  TRY(AddressPools::from(options.address_pools));
  return {};
}

// Our interface of a veth pair is known by the alias that owner_alias() gave it.
bool is_ours(const sys::Link& link, const std::string& prefix) {
  return link.kind == "veth" && link.name.starts_with(prefix);
}

Result<> delete_if_there(sys::NetlinkSocket& route, int index) {
  sys::NetlinkBatch batch;
  sys::delete_link(batch, index);
  auto deleted = route.transact(batch);
  // Its namespace may have ended by itself meanwhile.
  if (!deleted && deleted.error().errno_value() != ENODEV) return deleted;
  return {};
}

}  // namespace

std::string bridge_name(const std::string& suffix) {
  return suffix.empty() ? "wherry0" : "wherry-" + suffix;
}
std::string table_name(const std::string& suffix) {
  return suffix.empty() ? "wherry" : "wherry-" + suffix;
}

SegmentFacts facts(const Segment& segment) {
  return {.id = segment.description.id,
          .name = segment.description.name,
          .bridge = segment.description.bridge,
          .bridge_index = segment.bridge_index,
          .addressing = segment.addressing,
          .settings = segment.settings,
          .internal = segment.description.internal,
          .addressing6 = segment.addressing6,
          .macvlan = segment.macvlan,
          .macvlan_parent = segment.macvlan ? parent_of(segment.description, *segment.macvlan) : ""};
}

Result<Segment> make_segment(const Description& network) {
  BridgeSettings settings;
  std::optional<MacvlanSettings> macvlan;
  if (is_macvlan(network)) macvlan = TRY(macvlan_settings(network.options));
  else settings = TRY(bridge_settings(network.options));
  Segment segment{.description = network, .settings = settings, .addressing = {}, .addresses = {}};
  if (!network.subnet.empty()) {
    segment.addressing = TRY(addressing(network));
    const Addressing& addresses = *segment.addressing;
    const PoolLimits limits{
        .range = addresses.range, .auxiliary = addresses.auxiliary, .label = network.name};
    segment.addresses.emplace(addresses.subnet, addresses.gateway, limits);
  }
  segment.macvlan = macvlan;
  segment.addressing6 = TRY(addressing6(network));
  if (segment.addressing6) segment.addresses6.emplace(*segment.addressing6, network.name);
  return segment;
}

Result<> Segment::reserve(const Endpoint& endpoint, const ContainerId& container) {
  const auto ip = parse_ipv4(endpoint.ip);
  const auto ip6 = parse_ipv6(endpoint.ip6);
  const bool holds = ip && addresses;
  if (holds) TRY(addresses->reserve(*ip, container));
  if (!ip6 || !addresses6) return {};
  auto reserved = addresses6->reserve(*ip6, container);
  if (!reserved && holds) addresses->release(*ip);
  return reserved;
}

void Segment::release(const Endpoint& endpoint) {
  if (const auto ip = parse_ipv4(endpoint.ip); ip && addresses) addresses->release(*ip);
  const auto ip6 = parse_ipv6(endpoint.ip6);
  if (ip6 && addresses6) addresses6->release(*ip6);
}

std::vector<NetworkId> State::internal_networks() const {
  std::vector<NetworkId> ids;
  for (const auto& [id, segment] : segments)
    if (segment.description.internal) ids.push_back(id);
  return ids;
}

const Endpoint* State::gateway_of(const ContainerId& container) const {
  const auto found = taken.find(container);
  if (found == taken.end()) return nullptr;
  std::vector<NetworkId> without = internal_networks();
  for (const auto& [id, segment] : segments)
    if (!segment.addressing) without.push_back(id);
  return default_route_endpoint(found->second.endpoints, without);
}

const Endpoint* State::gateway6_of(const ContainerId& container) const {
  const auto found = taken.find(container);
  if (found == taken.end()) return nullptr;
  return default_route_endpoint6(found->second.endpoints, internal_networks());
}

KernelNetworks::KernelNetworks(Options options)
    : options_(std::move(options)),
      created_(now()),
      bridge_id_(network_id(options_.engine_id, "bridge")),
      veth_prefix_(veth_prefix(options_.suffix)) {}

// "<table>/net/<id>": which engine's and which network's bridge an interface is.
std::string KernelNetworks::bridge_alias(const NetworkId& id) const {
  return table_name(options_.suffix) + "/net/" + id.str();
}

FirewallSpec KernelNetworks::firewall_spec() {
  FirewallSpec spec{table_name(options_.suffix), {}, {}, {}, strict_};
  auto state = state_.lock();
  for (const auto& [id, segment] : state->segments) {
    if (segment.macvlan) continue;
    spec.networks.push_back(
        {.bridge = segment.description.bridge,
         .subnet = segment.addressing ? std::optional(segment.addressing->subnet) : std::nullopt,
         .icc = segment.icc(),
         .internal = segment.description.internal ? Internal::Yes : Internal::No,
         .masquerade = segment.settings.masquerade ? Masquerade::Yes : Masquerade::No,
         .subnet6 = segment.addressing6 ? std::optional(segment.addressing6->subnet)
                                        : std::nullopt});
  }
  for (const auto& [id, taken] : state->taken) {
    const auto targets = targets_of(taken);
    spec.ports.insert(spec.ports.end(), targets.begin(), targets.end());
  }
  spec.links = linked_pairs(*state, bridge_id_);
  return spec;
}

Result<> KernelNetworks::write_table() {
  const std::scoped_lock lock(firewall_mutex_);
  return apply_table_locked();
}

// The table of an earlier engine stays until restore() knows which ports it must have.
Result<> KernelNetworks::write_first_table() {
  const std::scoped_lock lock(firewall_mutex_);
  netfilter_ = TRY(sys::NetlinkSocket::open(NETLINK_NETFILTER));
  const std::string table = table_name(options_.suffix);
  for (const NftChainInfo& chain : TRY(list_base_chains(netfilter_)))
    if (chain.family == NFPROTO_INET && chain.table == table) return {};
  return apply_table_locked();
}

PortTables KernelNetworks::port_tables() const {
  return {table_name(options_.suffix), strict_.has_value(),
          strict_ && strict_->gateway6.has_value()};
}

// The pair is there before rules name it. Without strict mode what an earlier engine left goes:
// its interfaces with the strays of restore().
Result<> KernelNetworks::prepare_strict() {
  if (!options_.strict_ports) return {};
  const StrictPath path = TRY(ensure_strict_path(route_, veth_prefix_));
  auto netfilter = TRY(sys::NetlinkSocket::open(NETLINK_NETFILTER));
  TRY_AS("strict-ports", probe_copies(netfilter, path));
  strict_ = path;
  links_at_open_.erase(strict_exit(veth_prefix_));
  links_at_open_.erase(strict_entry(veth_prefix_));
  return {};
}

Result<> KernelNetworks::leave_strict() {
  if (strict_) return {};
  const std::scoped_lock lock(firewall_mutex_);
  return remove_strict_tables(netfilter_, table_name(options_.suffix));
}

Result<> KernelNetworks::apply_table_locked() {
  return apply_firewall(netfilter_, firewall_spec());
}

Result<Segment> KernelNetworks::lay_ground() {
  route_ = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
  for (const sys::Link& link : TRY(sys::list_links(route_)))
    if (is_ours(link, veth_prefix_)) links_at_open_.insert(link.name);

  Description network{.id = bridge_id_, .name = "bridge", .driver = "bridge", .created = created_,
                      .subnet = "", .gateway = ""};
  network.bridge = bridge_name(options_.suffix);
  network.options = {
      {"com.docker.network.bridge.default_bridge", "true"},
      {"com.docker.network.bridge.enable_icc", options_.icc == Icc::On ? "true" : "false"},
      {"com.docker.network.bridge.enable_ip_masquerade", "true"},
      {"com.docker.network.bridge.host_binding_ipv4",
       options_.bridge.host_binding.empty() ? "0.0.0.0" : options_.bridge.host_binding},
      {"com.docker.network.bridge.name", network.bridge},
      {"com.docker.network.driver.mtu", std::to_string(options_.mtu)}};
  BridgeRequest request{.name = network.bridge,
                        .bip = wanted_bip(options_.bridge),
                        .mtu = options_.mtu,
                        .ipv6_follows = options_.bridge.ipv6,
                        .pools = TRY(AddressPools::from(options_.address_pools))};
  Bridge bridge = TRY(ensure_bridge(route_, request));
  if (options_.icc == Icc::Off) stop_multicast_snooping(route_, bridge.index);
  network.subnet = subnet_of(bridge.address.ip, bridge.address.prefix).str();
  network.gateway = bridge.address.ip.str();
  TRY(settle_default_bridge(options_.bridge,
                            {.seed = options_.engine_id,
                             .subnets6 = options_.subnets6,
                             .present = bridge.address6,
                             .pools = request.pools},
                            network));
  Segment segment = TRY(make_segment(network));
  if (segment.addressing6) {
    request.ipv6 = Cidr6{segment.addressing6->gateway, segment.addressing6->subnet.prefix};
    bridge = TRY(ensure_bridge(route_, request));
    if (auto forwarding = enable_forwarding6(); !forwarding)
      log::warning("containers reach no other host by IPv6: {}", forwarding.error().message());
  }
  segment.bridge_index = bridge.index;
  return segment;
}

void KernelNetworks::prepare() {
  auto segment = lay_ground();
  if (segment) {
    const std::string bridge = segment->description.bridge;
    state_.lock()->segments.emplace(bridge_id_, std::move(*segment));
    // The table stands before packets are forwarded: no moment without its rules.
    if (auto strict = prepare_strict(); !strict) problem_ = std::move(strict).error();
    else if (auto written = write_first_table(); !written)
      problem_ = explain(std::move(written).error(), "nf_tables");
    // Without it containers reach this host, but nothing beyond: limited, not useless.
    if (problem_) state_.lock()->segments.clear();
    else if (auto forwarding = enable_forwarding(); !forwarding)
      log::warning("containers reach no other host: {}", forwarding.error().message());
    if (!problem_)
      for (const std::string& chain : foreign_drops())
        log::warning(
            "the firewall chain \"{}\" drops forwarded packets by default: containers may "
            "not reach other hosts unless it accepts traffic of {}",
            chain, bridge);
  } else {
    problem_ = std::move(segment).error();
  }
  pool_ = std::make_unique<SandboxPool>(SandboxPool::Options{.veth_prefix = veth_prefix_,
                                                             .mtu = options_.mtu,
                                                             .target = options_.pool_target,
                                                             .bridge = !problem_.has_value()});
}

Result<> KernelNetworks::restore(std::span<const LiveEndpoint> live,
                                 std::span<const LivePorts> ports) {
  std::set<std::string> aliases;
  std::set<std::string> addresses;
  for (const LiveEndpoint& entry : live) {
    // One row that does not fit any more (another --bip) must not keep the engine down.
    if (auto reserved = reserve_live(entry); !reserved)
      log::warning("container {}: {}", entry.container.short_form(), reserved.error().message());
    aliases.insert(owner_alias(entry.container, entry.endpoint.network_id));
    aliases.insert(entry.container.str());
    addresses.insert({entry.endpoint.ip, entry.endpoint.ip6});
  }
  for (const LivePorts& entry : ports) hold_live_ports(entry);
  if (!problem_) {
    watch_rules();  // first: from the table's writing on nothing is missed
    TRY_AS("nf_tables", write_table());
    TRY_AS("nf_tables", leave_strict());
    const std::scoped_lock lock(route_mutex_);
    TRY(remove_stray_interfaces(aliases));
    TRY(remove_stray_neighbours(addresses));
    const auto links = TRY(sys::list_links(route_));
    TRY(remove_stray_bridges(links));
    for (const LiveEndpoint& entry : live)
      if (auto joined = reconnect(entry, links); !joined)
        log::warning("container {}: {}", entry.container.short_form(), joined.error().message());
  }
  state_.lock()->restored = true;
  return {};
}

Result<> KernelNetworks::reserve_live(const LiveEndpoint& live) {
  auto state = state_.lock();
  state->taken[live.container].endpoints.push_back(live.endpoint);
  const auto segment = state->segments.find(live.endpoint.network_id);
  if (segment == state->segments.end()) return {};
  return segment->second.reserve(live.endpoint, live.container);
}

// Finds the interface of a live container by its alias, and puts the port back where somebody
// removed our bridge or its entries.
Result<> KernelNetworks::reconnect(const LiveEndpoint& live, const std::vector<sys::Link>& links) {
  // All of a macvlan's is inside.
  if (const auto segment = facts_of(live.endpoint.network_id); segment && segment->macvlan) return {};
  const std::string alias = owner_alias(live.container, live.endpoint.network_id);
  const auto link = std::find_if(links.begin(), links.end(), [&](const sys::Link& candidate) {
    // The id alone: of a container that an engine without user networks started.
    const bool plain = candidate.alias == live.container.str() &&
                       live.endpoint.network_id == bridge_id_;
    return candidate.name.starts_with(veth_prefix_) && (candidate.alias == alias || plain);
  });
  if (link == links.end())
    return Error::not_found("its network interface is gone: restart the container");
  {
    auto state = state_.lock();
    for (Endpoint& endpoint : state->taken[live.container].endpoints)
      if (endpoint.network_id == live.endpoint.network_id) endpoint.host_interface = link->name;
  }
  const SegmentFacts segment = TRY(facts_of(live.endpoint.network_id));
  return connect_port(route_, link->index,
                      TRY(connection(live.container, segment, live.endpoint)));
}

Result<> KernelNetworks::remove_stray_interfaces(const std::set<std::string>& live_aliases) {
  for (const std::string& name : links_at_open_) {
    const auto link = TRY(sys::find_link(route_, name));
    if (!link || live_aliases.contains(link->alias)) continue;
    TRY(delete_if_there(route_, link->index));
  }
  return {};
}

Result<> KernelNetworks::remove_stray_neighbours(const std::set<std::string>& live_addresses) {
  std::vector<int> bridges;
  {
    auto state = state_.lock();
    for (const auto& [id, segment] : state->segments)
      if (segment.bridge_index != 0) bridges.push_back(segment.bridge_index);
  }
  for (const int bridge : bridges) {
    std::vector<sys::Neighbour> entries = TRY(sys::list_neighbours(route_, bridge, AF_INET));
    for (sys::Neighbour& entry : TRY(sys::list_neighbours(route_, bridge, AF_INET6)))
      entries.push_back(entry);
    for (const sys::Neighbour& entry : entries) {
      const bool ours = (entry.state & NUD_PERMANENT) != 0;
      const std::string text =
          entry.ip.size == 16 ? ipv6_of(entry.ip).str() : ipv4_of(entry.ip).str();
      if (!ours || live_addresses.contains(text)) continue;
      sys::NetlinkBatch batch;
      sys::delete_neighbour(batch, bridge, entry.ip);
      auto deleted = route_.transact(batch);
      if (!deleted && deleted.error().errno_value() != ENOENT) return deleted;
    }
  }
  return {};
}

// Of networks whose row went before the engine was killed.
Result<> KernelNetworks::remove_stray_bridges(const std::vector<sys::Link>& links) {
  std::set<std::string> known;
  {
    auto state = state_.lock();
    for (const auto& [id, segment] : state->segments) known.insert(bridge_alias(id));
  }
  for (const sys::Link& link : links) {
    const bool ours = (link.kind == "bridge" || link.kind == "dummy") &&
                      link.alias.starts_with(bridge_alias(NetworkId()));
    if (ours && !known.contains(link.alias)) TRY(delete_if_there(route_, link.index));
  }
  return {};
}

std::vector<Description> KernelNetworks::descriptions() {
  std::vector<Description> all;
  auto state = state_.lock();
  for (const auto& [id, segment] : state->segments) all.push_back(segment.description);
  if (!state->segments.contains(bridge_id_))
    all.push_back({.id = bridge_id_, .name = "bridge", .driver = "bridge", .created = created_,
                   .subnet = "", .gateway = ""});
  for (const auto& [name, driver] : {std::pair{"host", "host"}, {"none", "null"}})
    all.push_back({.id = network_id(options_.engine_id, name), .name = name, .driver = driver,
                   .created = created_, .subnet = "", .gateway = ""});
  return all;
}

Result<Description> KernelNetworks::find_network(std::string_view name) {
  const std::vector<Description> all = descriptions();
  for (const Description& network : all)
    if (network.id.str() == name) return network;
  for (const Description& network : all)
    if (network.name == name) return network;
  const Description* found = nullptr;
  for (const Description& network : all) {
    if (name.empty() || !network.id.str().starts_with(name)) continue;
    if (found != nullptr)
      return Error::invalid(fmt::format(
          "network {} is ambiguous ({} matches found based on ID prefix)", name, 2));
    found = &network;
  }
  if (found != nullptr) return *found;
  return Error::not_found(fmt::format("network {} not found", name));
}

// Containers of an engine that cannot watch work: limited, not useless.
void KernelNetworks::watch_rules() {
  if (rules_watch_) return;
  const auto write_again = [this] {
    log::warning("the rules of table {} were changed by somebody else and are written again",
                 table_name(options_.suffix));
    if (auto written = write_table(); !written)
      log::error("nf_tables: {}", written.error().message());
  };
  auto watch = RulesWatch::start({.table = table_name(options_.suffix),
                                  .every_family = strict_.has_value(),
                                  .own_port = netfilter_.port(),
                                  .touched = write_again});
  if (watch) rules_watch_ = std::move(*watch);
  else log::warning("changes of firewall rules are not seen: {}", watch.error().message());
}

std::vector<std::string> KernelNetworks::foreign_drops() {
  if (problem_) return {};
  // A socket of its own: theirs may be many rules, for which no container waits.
  auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return {};
  return foreign_forward_drops(*socket, table_name(options_.suffix))
      .value_or(std::vector<std::string>{});
}

Result<> KernelNetworks::remove_everything() {
  rules_watch_.reset();
  pool_.reset();
  {
    const std::scoped_lock lock(firewall_mutex_);
    auto netfilter = sys::NetlinkSocket::open(NETLINK_NETFILTER);
    if (netfilter) TRY(remove_firewall(*netfilter, table_name(options_.suffix)));
  }
  const std::scoped_lock lock(route_mutex_);
  if (!route_) return {};
  for (const sys::Link& link : TRY(sys::list_links(route_))) {
    const bool bridge = (link.kind == "bridge" || link.kind == "dummy") &&
                        link.alias.starts_with(bridge_alias(NetworkId()));
    if (bridge || is_ours(link, veth_prefix_)) TRY(delete_if_there(route_, link.index));
  }
  return remove_bridge(route_, bridge_name(options_.suffix));
}

Result<std::unique_ptr<Networks>> Networks::open(Options options) {
  TRY(check_options(options));
  auto networks = std::make_unique<KernelNetworks>(std::move(options));
  networks->prepare();
  // A setting that only the bridge's own address shows to be wrong, or strict ports that nobody
  // could keep strict.
  const auto problem = networks->bridge_problem();
  if (problem && (problem->kind() == ErrorKind::InvalidArgument || networks->is_strict()))
    return Error(*problem);
  return networks;
}

}  // namespace wherry::network
