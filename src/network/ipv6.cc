#include "network/ipv6.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace wherry::network {
namespace {

constexpr std::uint64_t kAllOnes = ~std::uint64_t{0};
constexpr unsigned kHalf = 64;
constexpr std::uint64_t kMapped = 0xffffU;  // ::ffff:0:0/96

std::uint64_t half_mask(unsigned bits) {
  return bits == 0 ? 0 : kAllOnes << (kHalf - bits);
}

}  // namespace

sys::IpBytes Ipv6::bytes() const {
  sys::IpBytes result;
  result.size = 16;
  for (unsigned i = 0; i < 8; ++i) {
    result.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    result.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return result;
}

std::string Ipv6::str() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, bytes().bytes.data(), text.data(), text.size());
  return text.data();
}

Ipv6 ipv6_of(const sys::IpBytes& bytes) {
  Ipv6 result;
  for (unsigned i = 0; i < 8; ++i) {
    result.high = result.high << 8 | bytes.bytes[i];
    result.low = result.low << 8 | bytes.bytes[8 + i];
  }
  return result;
}

std::optional<sys::IpBytes> parse_ip(std::string_view text) {
  if (const auto ip = parse_ipv4(text)) return ip->bytes();
  if (const auto ip = parse_ipv6(text)) return ip->bytes();
  return std::nullopt;
}

std::string ip_text(const sys::IpBytes& ip) {
  return ip.size == 16 ? ipv6_of(ip).str() : ipv4_of(ip).str();
}

bool is_unspecified(const sys::IpBytes& ip) {
  return std::ranges::all_of(ip.view(), [](std::byte byte) { return byte == std::byte{0}; });
}

std::optional<Ipv6> parse_ipv6(std::string_view text) {
  sys::IpBytes bytes;
  bytes.size = 16;
  const std::string terminated(text);
  if (terminated.size() != text.size() || !text.contains(':')) return std::nullopt;
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.bytes.data()) != 1) return std::nullopt;
  const Ipv6 ip = ipv6_of(bytes);
  if (ip.high == 0 && ip.low >> 32 == kMapped) return std::nullopt;
  return ip;
}

std::string Subnet6::str() const { return fmt::format("{}/{}", base.str(), prefix); }

Ipv6 Subnet6::mask() const {
  return {half_mask(std::min(prefix, kHalf)), half_mask(prefix > kHalf ? prefix - kHalf : 0)};
}

bool Subnet6::contains(const Ipv6& address) const {
  const Ipv6 bits = mask();
  return (address.high & bits.high) == base.high && (address.low & bits.low) == base.low;
}

bool Subnet6::overlaps(const Subnet6& other) const {
  return contains(other.base) || other.contains(base);
}

Subnet6 subnet6_of(const Ipv6& address, unsigned prefix) {
  Subnet6 subnet{{}, prefix};
  const Ipv6 bits = subnet.mask();
  subnet.base = {address.high & bits.high, address.low & bits.low};
  return subnet;
}

std::optional<Cidr6> parse_cidr6(std::string_view text) {
  const auto parts = cut(text, '/');
  if (!parts) return std::nullopt;
  const auto ip = parse_ipv6(parts->before);
  const auto prefix = parse_u64(parts->after);
  if (!ip || !prefix || *prefix > 128) return std::nullopt;
  return Cidr6{*ip, static_cast<unsigned>(*prefix)};
}

std::optional<Subnet6> choose_subnet6(std::string_view seed, std::span<const Subnet6> taken) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const char c : seed) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
  const std::uint64_t site = std::uint64_t{0xfd} << 56 | (hash >> 24) << 16;
  for (std::uint64_t number = 0; number < 65536; ++number) {
    const Subnet6 candidate{{site | number, 0}, kHalf};
    const bool free = std::ranges::none_of(
        taken, [&](const Subnet6& other) { return candidate.overlaps(other); });
    if (free) return candidate;
  }
  return std::nullopt;
}

AddressPool6::AddressPool6(Addressing6 addressing, std::string label)
    : addressing_(std::move(addressing)), label_(std::move(label)) {
  const Subnet6 range = addressing_.range.value_or(addressing_.subnet);
  first_ = range.base;
  last_low_ = first_.low | ~range.mask().low;
  lowest_candidate_ = first_.low;
}

// The base is every router's (RFC 4291, 2.6.1).
bool AddressPool6::usable(const Ipv6& address) const {
  return addressing_.subnet.contains(address) && address != addressing_.subnet.base &&
         address != addressing_.gateway &&
         std::ranges::find(addressing_.auxiliary, address) == addressing_.auxiliary.end();
}

Result<Ipv6> AddressPool6::lease(const ContainerId& owner) {
  for (std::uint64_t low = lowest_candidate_;; ++low) {
    const Ipv6 address{first_.high, low};
    if (usable(address) && owners_.try_emplace(address, owner).second) {
      lowest_candidate_ = low;
      return address;
    }
    if (low == last_low_) break;
  }
  return Error(ErrorKind::Unavailable,
               fmt::format("no available IPv6 addresses on this network's address pools: {} ({})",
                           label_, addressing_.range.value_or(addressing_.subnet).str()));
}

Result<> AddressPool6::reserve(const Ipv6& address, const ContainerId& owner) {
  if (!addressing_.subnet.contains(address))
    return Error::invalid(
        fmt::format("no configured subnet contains IP address {}", address.str()));
  if (!usable(address) || !owners_.try_emplace(address, owner).second)
    return Error::conflict(fmt::format("Address already in use: {}", address.str()));
  return {};
}

void AddressPool6::release(const Ipv6& address) {
  if (owners_.erase(address) == 0) return;
  if (address.high == first_.high && address.low >= first_.low && address.low <= last_low_)
    lowest_candidate_ = std::min(lowest_candidate_, address.low);
}

}  // namespace wherry::network
