// IPv6 addresses and subnets as values, and which addresses of a subnet are in use. The IPv4
// counterparts are in address.h and ipam.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "sys/netlink_route.h"

namespace wherry::network {

struct Ipv6 {
  std::uint64_t high = 0;  // host order
  std::uint64_t low = 0;

  auto operator<=>(const Ipv6&) const = default;
  [[nodiscard]] std::string str() const;  // RFC 5952
  [[nodiscard]] sys::IpBytes bytes() const;
};
// Without zone and brackets; no IPv4-mapped address ("::ffff:10.0.0.1").
std::optional<Ipv6> parse_ipv6(std::string_view text);
Ipv6 ipv6_of(const sys::IpBytes& bytes);
// An address of either family, as parse_ipv4 and parse_ipv6 take them, and its text.
std::optional<sys::IpBytes> parse_ip(std::string_view text);
std::string ip_text(const sys::IpBytes& ip);
bool is_unspecified(const sys::IpBytes& ip);  // 0.0.0.0 or ::

struct Subnet6 {
  Ipv6 base;  // its host bits are zero
  unsigned prefix = 0;

  bool operator==(const Subnet6&) const = default;
  [[nodiscard]] std::string str() const;  // "fd00::/64"
  [[nodiscard]] Ipv6 mask() const;
  [[nodiscard]] bool contains(const Ipv6& address) const;
  [[nodiscard]] bool overlaps(const Subnet6& other) const;
};
Subnet6 subnet6_of(const Ipv6& address, unsigned prefix);

struct Cidr6 {
  Ipv6 ip;
  unsigned prefix = 0;
};
std::optional<Cidr6> parse_cidr6(std::string_view text);

// A /64 of the unique local addresses (RFC 4193) whose 40 bits come of `seed`: the first that
// overlaps none of `taken`; nullopt when all 65,536 do.
std::optional<Subnet6> choose_subnet6(std::string_view seed, std::span<const Subnet6> taken);

// What an IPv6 network has settled; see network::plan.
struct Addressing6 {
  Subnet6 subnet;
  Ipv6 gateway;  // the bridge's own
  std::optional<Subnet6> range;  // leases come out of it alone
  std::vector<Ipv6> auxiliary;
  Ipv6 container_gateway = {};
};

// Lives in memory, not thread-safe: as AddressPool.
class AddressPool6 {
 public:
  AddressPool6(Addressing6 addressing, std::string label);

  // The lowest free address; Unavailable when none is left.
  Result<Ipv6> lease(const ContainerId& owner);
  // Exactly `address`: InvalidArgument outside the subnet, Conflict when it is in use.
  Result<> reserve(const Ipv6& address, const ContainerId& owner);
  void release(const Ipv6& address);
  [[nodiscard]] std::size_t in_use() const { return owners_.size(); }

 private:
  [[nodiscard]] bool usable(const Ipv6& address) const;

  Addressing6 addressing_;
  std::string label_;
  std::map<Ipv6, ContainerId> owners_;
  Ipv6 first_;             // of the range
  std::uint64_t last_low_ = 0;  // low half of the range's last address that is ever tried
  std::uint64_t lowest_candidate_ = 0;
};

}  // namespace wherry::network
