// IPv4 addresses and subnets as values, and the MAC address that goes with one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sys/netlink_route.h"

namespace wherry::network {

struct Ipv4 {
  std::uint32_t value = 0;  // host order

  auto operator<=>(const Ipv4&) const = default;
  [[nodiscard]] std::string str() const;
  [[nodiscard]] sys::IpBytes bytes() const;
  [[nodiscard]] bool is_loopback() const { return value >> 24 == 127; }
};
// Four decimal numbers, without the octal and short forms of inet_aton.
std::optional<Ipv4> parse_ipv4(std::string_view text);
Ipv4 ipv4_of(const sys::IpBytes& bytes);

struct Subnet {
  Ipv4 base;  // its host bits are zero
  unsigned prefix = 0;

  bool operator==(const Subnet&) const = default;
  [[nodiscard]] std::string str() const;  // "172.17.0.0/16"
  [[nodiscard]] std::uint32_t mask() const;
  [[nodiscard]] bool contains(Ipv4 address) const;
  [[nodiscard]] bool overlaps(const Subnet& other) const;
  [[nodiscard]] Ipv4 broadcast() const { return {base.value | ~mask()}; }
};
Subnet subnet_of(Ipv4 address, unsigned prefix);

// An address with the length of its subnet, as --bip gives it: "172.18.0.1/16".
struct Cidr {
  Ipv4 ip;
  unsigned prefix = 0;
};
std::optional<Cidr> parse_cidr(std::string_view text);

// 02:42 and the four bytes of the address, as docker's default bridge does: when an address
// is given out again its neighbours' tables are still right.
sys::MacAddress mac_for(Ipv4 address);
std::string mac_text(const sys::MacAddress& mac);
// "02:42:ac:11:00:02", also with '-'; nullopt for multicast and all-zero addresses too,
// which the kernel refuses.
std::optional<sys::MacAddress> parse_mac(std::string_view text);

}  // namespace wherry::network
