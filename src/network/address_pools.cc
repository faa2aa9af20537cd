#include "network/address_pools.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "network/ipam.h"

namespace wherry::network {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::size_t kMaximumPools = 256;
constexpr unsigned kLongestSize = 30;  // room for a gateway and a container
constexpr unsigned kLongestSize6 = 126;
constexpr unsigned kShortestBase6 = 8;

Error bad_pool(const PoolSetting& setting, std::string_view why) {
  return Error::invalid(
      fmt::format("invalid default address pool {} of size {}: {}", setting.base, setting.size, why));
}

Wide number_of(const Ipv4& ip) { return ip.value; }
Wide number_of(const Ipv6& ip) { return Wide{ip.high} << 64 | ip.low; }
Subnet subnet_at(Wide base, unsigned prefix, const Subnet& /*family*/) {
  return {{static_cast<std::uint32_t>(base)}, prefix};
}
Subnet6 subnet_at(Wide base, unsigned prefix, const Subnet6& /*family*/) {
  return {{static_cast<std::uint64_t>(base >> 64), static_cast<std::uint64_t>(base)}, prefix};
}

// Goes on behind whatever a subnet overlaps: as many steps as there are taken ones, not as many
// as a pool has subnets.
template <unsigned bits, class AnySubnet>
std::optional<AnySubnet> first_free(const AnySubnet& base, unsigned size,
                                    std::span<const AnySubnet> taken) {
  const Wide step = Wide{1} << (bits - size);
  const Wide end = number_of(base.base) + (Wide{1} << (bits - base.prefix));
  for (Wide at = number_of(base.base); at < end;) {
    const AnySubnet candidate = subnet_at(at, size, base);
    const auto hit = std::ranges::find_if(
        taken, [&](const AnySubnet& other) { return candidate.overlaps(other); });
    if (hit == taken.end()) return candidate;
    if (hit->prefix < base.prefix) return std::nullopt;  // it holds the whole pool
    const Wide behind = number_of(hit->base) + (Wide{1} << (bits - hit->prefix));
    at = std::max(at + step, (behind + step - 1) / step * step);
  }
  return std::nullopt;
}

}  // namespace

Result<> AddressPools::add(const PoolSetting& setting, const Cidr& cidr) {
  constexpr std::array kReserved = {Subnet{{0}, 8}, Subnet{{127U << 24}, 8},
                                    Subnet{{224U << 24}, 3}};
  const Subnet base = subnet_of(cidr.ip, cidr.prefix);
  if (setting.size < base.prefix || setting.size > kLongestSize)
    return bad_pool(setting, fmt::format("the size must be {} to {}", base.prefix, kLongestSize));
  for (const Subnet& reserved : kReserved)
    if (base.overlaps(reserved)) return bad_pool(setting, "it overlaps " + reserved.str());
  blocks_.push_back({base, setting.size});
  return {};
}

Result<> AddressPools::add6(const PoolSetting& setting, const Cidr6& cidr) {
  constexpr std::array kReserved = {Subnet6{{0xfe80ULL << 48, 0}, 10},
                                    Subnet6{{0xff00ULL << 48, 0}, 8}, Subnet6{{0, 0}, 96}};
  const Subnet6 base = subnet6_of(cidr.ip, cidr.prefix);
  if (base.prefix < kShortestBase6 || setting.size < base.prefix || setting.size > kLongestSize6)
    return bad_pool(setting, fmt::format("the size must be {} to {}",
                                         std::max(base.prefix, kShortestBase6), kLongestSize6));
  for (const Subnet6& reserved : kReserved)
    if (base.overlaps(reserved)) return bad_pool(setting, "it overlaps " + reserved.str());
  blocks6_.push_back({base, setting.size});
  return {};
}

Result<AddressPools> AddressPools::from(std::span<const PoolSetting> settings) {
  if (settings.size() > kMaximumPools)
    return Error::invalid(fmt::format("more than {} default address pools", kMaximumPools));
  AddressPools pools;
  for (const PoolSetting& setting : settings) {
    if (const auto cidr = parse_cidr(setting.base)) {
      TRY(pools.add(setting, *cidr));
    } else if (const auto cidr6 = parse_cidr6(setting.base)) {
      TRY(pools.add6(setting, *cidr6));
    } else {
      return bad_pool(setting, "invalid CIDR block notation");
    }
  }
  return pools;
}

std::optional<Subnet> AddressPools::choose(std::span<const Subnet> taken) const {
  if (blocks_.empty()) return choose_subnet(taken);
  for (const Block& block : blocks_)
    if (const auto subnet = first_free<32>(block.base, block.size, taken)) return subnet;
  return std::nullopt;
}

std::optional<Subnet6> AddressPools::choose6(std::string_view seed,
                                             std::span<const Subnet6> taken) const {
  if (blocks6_.empty()) return choose_subnet6(seed, taken);
  for (const Block6& block : blocks6_)
    if (const auto subnet = first_free<128>(block.base, block.size, taken)) return subnet;
  return std::nullopt;
}

}  // namespace wherry::network
