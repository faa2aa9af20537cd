// Links of the default bridge where its containers may not talk to each other: a pair of
// addresses for each, computed from who is there whenever the table is written.
//
// Isolated bridge ports exchange no frame. The bridge answers ARP for linked neighbours
// (proxy_arp_pvlan), so that their packets are routed and meet the forward chain, which lets
// pairs pass and drops all others.
#include <algorithm>

#include "base/log.h"
#include "network/kernel_networks.h"

namespace wherry::network {
namespace {

Result<> answer_for_neighbours(const std::string& bridge) {
  TRY(sys::write_file(("/proc/sys/net/ipv4/conf/" + bridge + "/proxy_arp_pvlan").c_str(), "1"));
  // At once: by default an answer for somebody else waits up to 0.8 s.
  return sys::write_file(("/proc/sys/net/ipv4/neigh/" + bridge + "/proxy_delay").c_str(), "0");
}

std::optional<Ipv4> address_on(const Taken& taken, const NetworkId& network) {
  const auto found = std::ranges::find(taken.endpoints, network, &Endpoint::network_id);
  return found == taken.endpoints.end() ? std::nullopt : parse_ipv4(found->ip);
}

}  // namespace

std::vector<AddressPair> linked_pairs(const State& state, const NetworkId& network) {
  std::vector<AddressPair> pairs;
  for (const auto& [container, taken] : state.taken) {
    if (taken.links.empty()) continue;
    const auto from = address_on(taken, network);
    for (const ContainerId& target : taken.links) {
      const auto other = state.taken.find(target);
      if (!from || other == state.taken.end()) continue;
      if (const auto to = address_on(other->second, network)) pairs.push_back({*from, *to});
    }
  }
  std::ranges::sort(pairs);
  const auto [first, last] = std::ranges::unique(pairs);
  pairs.erase(first, last);
  return pairs;
}

Result<> KernelNetworks::link(const ContainerId& container,
                              std::span<const ContainerId> targets) {
  std::string bridge;
  {
    auto state = state_.lock();
    const auto found = state->taken.find(container);
    if (found == state->taken.end()) return {};
    found->second.links.assign(targets.begin(), targets.end());
    state->was_linked = true;
    const auto segment = state->segments.find(bridge_id_);
    if (segment == state->segments.end() || segment->second.icc() == Icc::On) return {};
    bridge = segment->second.description.bridge;
  }
  TRY_AS("nf_tables", write_table());
  return answer_for_neighbours(bridge);
}

bool KernelNetworks::is_linked(const ContainerId& container) {
  auto state = state_.lock();
  if (!state->was_linked) return false;
  const auto own = state->taken.find(container);
  if (own != state->taken.end() && !own->second.links.empty()) return true;
  return std::ranges::any_of(state->taken, [&](const auto& entry) {
    return std::ranges::find(entry.second.links, container) != entry.second.links.end();
  });
}

// Nobody else's address may be reached by a link that was meant for this one.
void KernelNetworks::close_links(const ContainerId& container) {
  if (!is_linked(container)) return;
  {
    auto state = state_.lock();
    if (const auto own = state->taken.find(container); own != state->taken.end())
      own->second.links.clear();
    for (auto& [id, taken] : state->taken) std::erase(taken.links, container);
  }
  if (auto written = write_table(); !written)
    log::warning("container {}: rules of its links stay behind: {}", container.short_form(),
                 written.error().message());
}

}  // namespace wherry::network
