#include "network/firewall.h"

#include <fmt/format.h>

#include <cerrno>

namespace wherry::network {
namespace {

// nft(8)'s names: raw, filter, srcnat.
constexpr std::int32_t kPriorityRaw = -300;
constexpr std::int32_t kPriorityFilter = 0;
constexpr std::int32_t kPrioritySourceNat = 100;

constexpr Subnet kLoopback{{127U << 24}, 8};

void add_prerouting(NftBatch& batch, const FirewallSpec& spec) {
  batch.chain({"prerouting", "filter", NF_INET_PRE_ROUTING, kPriorityRaw});
  // CVE-2020-8558: with route_localnet on, a neighbour reaches the host's loopback services.
  batch.rule("prerouting", NftRule()
                               .in_interface(spec.bridge)
                               .destination(kLoopback)
                               .drop()
                               .comment("loopback of the host is not reachable"));
  batch.rule("prerouting", NftRule()
                               .in_interface(spec.bridge)
                               .source(kLoopback)
                               .drop()
                               .comment("loopback addresses are not believed"));
}

NftRule container_to_container(const FirewallSpec& spec) {
  NftRule rule;
  rule.in_interface(spec.bridge).out_interface(spec.bridge);
  if (spec.icc == Icc::On)
    rule.accept().comment("icc is on");
  else
    rule.drop().comment("icc is off");
  return rule;
}

void add_forward(NftBatch& batch, const FirewallSpec& spec) {
  batch.chain({"forward", "filter", NF_INET_FORWARD, kPriorityFilter});
  batch.rule("forward", NftRule().out_interface(spec.bridge).established().accept());
  batch.rule("forward", container_to_container(spec));
  batch.rule("forward",
             NftRule().out_interface(spec.bridge).translated().accept().comment("published ports"));
  batch.rule("forward",
             NftRule().out_interface(spec.bridge).drop().comment("nobody else reaches containers"));
}

void add_postrouting(NftBatch& batch, const FirewallSpec& spec) {
  batch.chain({"postrouting", "nat", NF_INET_POST_ROUTING, kPrioritySourceNat});
  batch.rule("postrouting",
             NftRule().source(spec.subnet).not_out_interface(spec.bridge).masquerade());
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
  add_prerouting(batch, spec);
  add_forward(batch, spec);
  add_postrouting(batch, spec);
  return batch;
}

Result<> apply_firewall(sys::NetlinkSocket& netfilter, const FirewallSpec& spec) {
  return firewall_batch(spec).commit(netfilter);
}

Result<> remove_firewall(sys::NetlinkSocket& netfilter, const std::string& table) {
  NftBatch batch(table);
  batch.delete_table();
  auto removed = std::move(batch).commit(netfilter);
  if (!removed && removed.error().errno_value() == ENOENT) return {};
  return removed;
}

Result<std::vector<std::string>> foreign_forward_drops(sys::NetlinkSocket& netfilter,
                                                       const std::string& own_table) {
  std::vector<std::string> found;
  for (const NftChainInfo& chain : TRY(list_base_chains(netfilter))) {
    const std::string_view family = family_name(chain.family);
    const bool ours = chain.family == NFPROTO_INET && chain.table == own_table;
    if (ours || family.empty() || chain.hook != NF_INET_FORWARD || !chain.drops) continue;
    found.push_back(fmt::format("{} {} {}", family, chain.table, chain.name));
  }
  return found;
}

}  // namespace wherry::network
