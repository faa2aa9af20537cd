#include "network/firewall.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <limits>

namespace wherry::network {
namespace {

// nft(8)'s names: raw, filter, srcnat.
constexpr std::int32_t kPriorityRaw = -300;
constexpr std::int32_t kPriorityFilter = 0;
constexpr std::int32_t kPrioritySourceNat = 100;

constexpr Subnet kLoopback{{127U << 24}, 8};
constexpr Subnet6 kLoopback6{{0, 1}, 128};

constexpr std::int32_t kPriorityDestinationNat = -100;

const NftSet& bridges() {
  static const NftSet set = interface_set("bridges");
  return set;
}
const NftSet& internal_bridges() {
  static const NftSet set = interface_set("internal");
  return set;
}
const NftSet& talking() {
  static const NftSet set = interface_pair_set("talking");
  return set;
}
const NftSet& links() {
  static const NftSet set = address_pair_set("links");
  return set;
}
const NftSet& ports_of_address() {
  static const NftSet set = port_map("ports", NftRule::MapKey::Address);
  return set;
}
const NftSet& ports_of_any() {
  static const NftSet set = port_map("ports_any", NftRule::MapKey::AnyAddress);
  return set;
}
const NftSet& ports6_of_address() {
  static const NftSet set =
      port_map("ports6", NftRule::MapKey::Address, NftRule::Family::Ipv6);
  return set;
}
const NftSet& ports6_of_any() {
  static const NftSet set =
      port_map("ports6_any", NftRule::MapKey::AnyAddress, NftRule::Family::Ipv6);
  return set;
}

void add_sets(NftBatch& batch, const FirewallSpec& spec) {
  std::vector<NftElement> all;
  std::vector<NftElement> internal;
  std::vector<NftElement> pairs;
  for (const FirewallNetwork& network : spec.networks) {
    all.push_back(interface_element(network.bridge));
    if (network.internal == Internal::Yes) internal.push_back(interface_element(network.bridge));
    if (network.icc == Icc::On)
      pairs.push_back(interface_pair_element(network.bridge, network.bridge));
  }
  batch.set(bridges());
  batch.set(internal_bridges());
  batch.set(talking());
  batch.set(links());
  batch.set(ports_of_address());
  batch.set(ports_of_any());
  batch.set(ports6_of_address());
  batch.set(ports6_of_any());
  batch.add_elements(bridges(), all);
  batch.add_elements(internal_bridges(), internal);
  batch.add_elements(talking(), pairs);
  std::vector<NftElement> linked;
  for (const AddressPair& pair : spec.links) linked.push_back(address_pair_element(pair));
  batch.add_elements(links(), linked);
}

void add_loopback(NftBatch& batch) {
  batch.chain({"loopback", "filter", NF_INET_PRE_ROUTING, kPriorityRaw});
  // CVE-2020-8558: with route_localnet on, a neighbour reaches the host's loopback services.
  batch.rule("loopback", NftRule()
                             .in_interface_of("bridges")
                             .destination(kLoopback)
                             .drop()
                             .comment("loopback of the host is not reachable"));
  batch.rule("loopback", NftRule()
                             .in_interface_of("bridges")
                             .source(kLoopback)
                             .drop()
                             .comment("loopback addresses are not believed"));
}

void add_forward(NftBatch& batch) {
  batch.chain({"forward", "filter", NF_INET_FORWARD, kPriorityFilter});
  batch.rule("forward", NftRule().out_interface_of("bridges").established().accept());
  batch.rule("forward", NftRule().interfaces_of("talking").accept().comment("icc is on"));
  batch.rule("forward", NftRule().addresses_of("links").accept().comment("links"));
  batch.rule("forward",
             NftRule().in_interface_of("internal").drop().comment("internal networks"));
  batch.rule("forward",
             NftRule().out_interface_of("bridges").translated().accept().comment("published ports"));
  batch.rule("forward",
             NftRule().out_interface_of("bridges").drop().comment("nobody else reaches containers"));
}

// `from` begins each rule: whose packets it is for.
void add_port_rules(NftBatch& batch, std::string_view chain, const NftRule& from = {}) {
  using enum NftRule::MapKey;
  batch.rule(chain, NftRule(from).translate_by("ports", Address));
  batch.rule(chain, NftRule(from).destination_is_local().translate_by("ports_any", AnyAddress));
  using enum NftRule::Family;
  batch.rule(chain, NftRule(from).translate_by("ports6", Address, Ipv6));
  batch.rule(chain,
             NftRule(from).destination_is_local().translate_by("ports6_any", AnyAddress, Ipv6));
}

void add_translation(NftBatch& batch, const FirewallSpec& spec) {
  batch.chain({"prerouting", "nat", NF_INET_PRE_ROUTING, kPriorityDestinationNat});
  // A neighbour that sends to 127.0.0.1 does not reach what is published there.
  batch.rule("prerouting",
             NftRule().destination(kLoopback).accept().comment("the loopback is this host's own"));
  if (spec.strict) {
    add_port_rules(batch, "prerouting", NftRule().in_interface_of("bridges"));
    add_port_rules(batch, "prerouting", NftRule().in_interface(spec.strict->enters_by));
  } else {
    add_port_rules(batch, "prerouting");
  }
  batch.chain({"output", "nat", NF_INET_LOCAL_OUT, kPriorityDestinationNat});
  add_port_rules(batch, "output");
}

template <class AnySubnet>
void add_source_translation(NftBatch& batch, const FirewallNetwork& network,
                            const AnySubnet& subnet) {
  batch.rule("postrouting", NftRule()
                                .out_interface(network.bridge)
                                .source(subnet)
                                .translated()
                                .masquerade()
                                .comment("back by a published port"));
  if (network.masquerade == Masquerade::Yes && network.internal == Internal::No)
    batch.rule("postrouting",
               NftRule().source(subnet).not_out_interface(network.bridge).masquerade());
}

void add_postrouting(NftBatch& batch, const FirewallSpec& spec) {
  batch.chain({"postrouting", "nat", NF_INET_POST_ROUTING, kPrioritySourceNat});
  batch.rule("postrouting", NftRule()
                                .out_interface_of("bridges")
                                .source(kLoopback)
                                .masquerade()
                                .comment("published ports on the loopback"));
  batch.rule("postrouting", NftRule()
                                .out_interface_of("bridges")
                                .source(kLoopback6)
                                .masquerade()
                                .comment("published ports on the loopback"));
  for (const FirewallNetwork& network : spec.networks) {
    if (network.subnet) add_source_translation(batch, network, *network.subnet);
    if (network.subnet6) add_source_translation(batch, network, *network.subnet6);
  }
}

enum class Change : bool { Add, Delete };

void change_ports(NftBatch& batch, std::span<const PortTarget> ports, Change change) {
  const std::array maps = {&ports_of_any(), &ports_of_address(), &ports6_of_any(),
                           &ports6_of_address()};
  std::array<std::vector<NftElement>, maps.size()> elements;
  for (const PortTarget& port : ports) {
    const std::size_t family = port.container_ip.size == 16 ? 2 : 0;
    elements[family + (port.host_ip ? 1 : 0)].push_back(port_element(port));
  }
  for (std::size_t i = 0; i < maps.size(); ++i) {
    if (change == Change::Add) batch.add_elements(*maps[i], elements[i]);
    else batch.delete_elements(*maps[i], elements[i]);
  }
}

struct StrictFamily {
  NftRule::Family family;
  std::uint8_t protocol;
  std::uint8_t address_bytes;
};
constexpr std::array kStrictFamilies = {
    StrictFamily{NftRule::Family::Ipv4, NFPROTO_IPV4, 4},
    StrictFamily{NftRule::Family::Ipv6, NFPROTO_IPV6, 16}};

NftSet strict_ports(const StrictFamily& family, NftRule::MapKey key) {
  return port_set(key == NftRule::MapKey::Address ? "ports" : "ports_any", key, family.family);
}

void change_strict_ports(NftBatch& batch, const StrictFamily& family,
                         std::span<const PortTarget> ports, Change change) {
  using enum NftRule::MapKey;
  std::array<std::vector<NftElement>, 2> elements;
  for (const PortTarget& port : ports)
    if (port.container_ip.size == family.address_bytes)
      elements[port.host_ip ? 1 : 0].push_back({.key = port_element(port).key});
  batch.use_family(family.protocol);
  for (const auto key : {AnyAddress, Address}) {
    const auto& some = elements[key == Address ? 1 : 0];
    if (change == Change::Add) batch.add_elements(strict_ports(family, key), some);
    else batch.delete_elements(strict_ports(family, key), some);
  }
  batch.use_family(NFPROTO_INET);
}

// One before the last: there the kernel confirms the connection that the packet would begin, and
// the copy would be taken for a part of it.
constexpr std::int32_t kPriorityLast = std::numeric_limits<std::int32_t>::max() - 1;

void add_strict_chain(NftBatch& batch, const StrictFamily& family, const StrictPath& path) {
  using enum NftRule::MapKey;
  const sys::IpBytes& gateway = family.address_bytes == 4 ? path.gateway : *path.gateway6;
  batch.chain({"input", "filter", NF_INET_LOCAL_IN, kPriorityLast});
  batch.rule("input", NftRule().in_interface(path.enters_by).drop().comment("copies of closed ports"));
  for (const auto key : {Address, AnyAddress})
    batch.rule("input", NftRule()
                            .opens_connection()
                            .port_in(strict_ports(family, key).name, key, family.family)
                            .copy_to(gateway, path.leaves_by)
                            .drop()
                            .comment("published ports"));
}

void add_strict_tables(NftBatch& batch, const StrictPath& path, std::span<const PortTarget> ports) {
  using enum NftRule::MapKey;
  for (const StrictFamily& family : kStrictFamilies) {
    if (family.address_bytes == 16 && !path.gateway6) continue;
    batch.use_family(family.protocol);
    batch.replace_table();
    for (const auto key : {AnyAddress, Address}) batch.set(strict_ports(family, key));
    add_strict_chain(batch, family, path);
    change_strict_ports(batch, family, ports, Change::Add);
  }
}

void change_in_tables(NftBatch& batch, const PortTables& tables, std::span<const PortTarget> ports,
                      Change change) {
  change_ports(batch, ports, change);
  if (tables.strict) change_strict_ports(batch, kStrictFamilies[0], ports, change);
  if (tables.strict6) change_strict_ports(batch, kStrictFamilies[1], ports, change);
}

Result<> remove_table(sys::NetlinkSocket& netfilter, const std::string& table, std::uint8_t family) {
  NftBatch batch(table);
  batch.use_family(family);
  batch.delete_table();
  auto removed = std::move(batch).commit(netfilter);
  if (!removed && removed.error().errno_value() == ENOENT) return {};
  return removed;
}

std::string_view family_name(std::uint8_t family) {
  switch (family) {
    case NFPROTO_INET: return "inet";
    case NFPROTO_IPV4: return "ip";
    case NFPROTO_IPV6: return "ip6";
    default: return "";
  }
}

}  // namespace

NftBatch firewall_batch(const FirewallSpec& spec) {
  NftBatch batch(spec.table);
  batch.replace_table();
  add_sets(batch, spec);
  add_loopback(batch);
  add_forward(batch);
  add_translation(batch, spec);
  add_postrouting(batch, spec);
  change_ports(batch, spec.ports, Change::Add);
  if (spec.strict) add_strict_tables(batch, *spec.strict, spec.ports);
  return batch;
}

Result<> apply_firewall(sys::NetlinkSocket& netfilter, const FirewallSpec& spec) {
  return firewall_batch(spec).commit(netfilter);
}

Result<> add_ports(sys::NetlinkSocket& netfilter, const PortTables& tables,
                   std::span<const PortTarget> ports) {
  if (ports.empty()) return {};
  NftBatch batch(tables.name);
  change_in_tables(batch, tables, ports, Change::Add);
  return std::move(batch).commit(netfilter);
}

Result<> delete_ports(sys::NetlinkSocket& netfilter, const PortTables& tables,
                      std::span<const PortTarget> ports) {
  if (ports.empty()) return {};
  NftBatch batch(tables.name);
  change_in_tables(batch, tables, ports, Change::Delete);
  return std::move(batch).commit(netfilter);
}

Result<> remove_strict_tables(sys::NetlinkSocket& netfilter, const std::string& table) {
  for (const StrictFamily& family : kStrictFamilies)
    TRY(remove_table(netfilter, table, family.protocol));
  return {};
}

Result<> remove_firewall(sys::NetlinkSocket& netfilter, const std::string& table) {
  TRY(remove_strict_tables(netfilter, table));
  return remove_table(netfilter, table, NFPROTO_INET);
}

Result<> probe_copies(sys::NetlinkSocket& netfilter, const StrictPath& path) {
  const std::string table = "wherry-copies-" + path.enters_by;
  for (const StrictFamily& family : kStrictFamilies) {
    if (family.address_bytes == 16 && !path.gateway6) continue;
    NftBatch batch(table);
    batch.use_family(family.protocol);
    batch.replace_table();
    for (const auto key : {NftRule::MapKey::AnyAddress, NftRule::MapKey::Address})
      batch.set(strict_ports(family, key));
    add_strict_chain(batch, family, path);
    auto written = std::move(batch).commit(netfilter);
    if (!written)
      return Error(ErrorKind::Unsupported, written.error().errno_value(),
                   fmt::format("the kernel cannot copy packets in nf_tables ({}): it needs the module "
                               "nft_dup_ipv{} (CONFIG_NFT_DUP_IPV{})",
                               written.error().message(), family.address_bytes == 4 ? 4 : 6,
                               family.address_bytes == 4 ? 4 : 6));
    TRY(remove_table(netfilter, table, family.protocol));
  }
  return {};
}

Result<std::vector<std::string>> foreign_forward_drops(sys::NetlinkSocket& netfilter,
                                                       const std::string& own_table) {
  std::vector<std::string> found;
  for (const NftChainInfo& chain : TRY(list_base_chains(netfilter))) {
    const std::string_view family = family_name(chain.family);
    const bool ours = chain.table == own_table;
    if (ours || family.empty() || chain.hook != NF_INET_FORWARD) continue;
    if (!chain.drops && !TRY(ends_with_drop(netfilter, chain))) continue;
    found.push_back(fmt::format("{} {} {}", family, chain.table, chain.name));
  }
  return found;
}

}  // namespace wherry::network
