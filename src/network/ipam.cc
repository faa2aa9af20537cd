#include "network/ipam.h"

#include <fmt/format.h>

#include <algorithm>

namespace wherry::network {

AddressPool::AddressPool(Subnet subnet, Ipv4 gateway, PoolLimits limits)
    : subnet_(subnet),
      gateway_(gateway),
      limits_(std::move(limits)),
      range_(limits_.range.value_or(subnet)),
      lowest_candidate_(range_.base.value) {}

bool AddressPool::usable(Ipv4 address) const {
  if (!subnet_.contains(address) || address == gateway_) return false;
  if (std::ranges::find(limits_.auxiliary, address) != limits_.auxiliary.end()) return false;
  // RFC 3021: a /31 has neither a network nor a broadcast address.
  if (subnet_.prefix >= 31) return true;
  return address != subnet_.base && address != subnet_.broadcast();
}

Result<Ipv4> AddressPool::lease(const ContainerId& owner) {
  auto taken = owners_.lower_bound(Ipv4{lowest_candidate_});
  for (std::uint64_t value = lowest_candidate_; value <= range_.broadcast().value; ++value) {
    const Ipv4 address{static_cast<std::uint32_t>(value)};
    const bool in_use = taken != owners_.end() && taken->first == address;
    if (in_use) ++taken;
    if (in_use || !usable(address)) continue;
    owners_.emplace(address, owner);
    lowest_candidate_ = address.value;
    return address;
  }
  return Error(
      ErrorKind::Unavailable,
      fmt::format("no available IPv4 addresses on this network's address pools: {} ({})",
                  limits_.label, range_.str()));
}

Result<> AddressPool::reserve(Ipv4 address, const ContainerId& owner) {
  if (!subnet_.contains(address))
    return Error::invalid(
        fmt::format("no configured subnet contains IP address {}", address.str()));
  if (!usable(address))
    return Error::conflict(fmt::format("Address already in use: {}", address.str()));
  const auto [entry, inserted] = owners_.try_emplace(address, owner);
  if (!inserted)
    return Error::conflict(fmt::format("Address already in use: {} (container {})", address.str(),
                                       entry->second.short_form()));
  return {};
}

void AddressPool::release(Ipv4 address) {
  if (owners_.erase(address) == 0) return;
  if (range_.contains(address))
    lowest_candidate_ = std::min(lowest_candidate_, address.value);
}

std::vector<Subnet> default_subnets() {
  std::vector<Subnet> subnets;
  for (std::uint32_t second = 17; second <= 31; ++second)
    subnets.push_back({{172U << 24 | second << 16}, 16});
  for (std::uint32_t third = 0; third < 256; third += 16)
    subnets.push_back({{192U << 24 | 168U << 16 | third << 8}, 20});
  return subnets;
}

std::optional<Subnet> choose_subnet(std::span<const Subnet> taken) {
  for (const Subnet& candidate : default_subnets()) {
    const bool free = std::none_of(taken.begin(), taken.end(),
                                   [&](const Subnet& other) { return candidate.overlaps(other); });
    if (free) return candidate;
  }
  return std::nullopt;
}

}  // namespace wherry::network
