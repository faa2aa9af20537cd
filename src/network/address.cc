#include "network/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"

namespace wherry::network {

std::string Ipv4::str() const {
  return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

sys::IpBytes Ipv4::bytes() const {
  sys::IpBytes result;
  for (unsigned i = 0; i < 4; ++i)
    result.bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  return result;
}

std::optional<Ipv4> parse_ipv4(std::string_view text) {
  const auto pieces = split(text, '.');
  if (pieces.size() != 4) return std::nullopt;
  Ipv4 result;
  for (const std::string_view piece : pieces) {
    const auto number = parse_u64(piece);
    const bool octal_look = piece.size() > 1 && piece.front() == '0';
    if (!number || *number > 255 || octal_look) return std::nullopt;
    result.value = result.value << 8 | static_cast<std::uint32_t>(*number);
  }
  return result;
}

Ipv4 ipv4_of(const sys::IpBytes& bytes) {
  Ipv4 result;
  for (unsigned i = 0; i < 4; ++i) result.value = result.value << 8 | bytes.bytes[i];
  return result;
}

std::string Subnet::str() const {
  return fmt::format("{}/{}", base.str(), prefix);
}

std::uint32_t Subnet::mask() const {
  return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix);
}

bool Subnet::contains(Ipv4 address) const {
  return (address.value & mask()) == base.value;
}

bool Subnet::overlaps(const Subnet& other) const {
  return contains(other.base) || other.contains(base);
}

Subnet subnet_of(Ipv4 address, unsigned prefix) {
  Subnet subnet{{}, prefix};
  subnet.base.value = address.value & subnet.mask();
  return subnet;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const auto parts = cut(text, '/');
  if (!parts) return std::nullopt;
  const auto ip = parse_ipv4(parts->before);
  const auto prefix = parse_u64(parts->after);
  if (!ip || !prefix || *prefix > 32) return std::nullopt;
  return Cidr{*ip, static_cast<unsigned>(*prefix)};
}

sys::MacAddress mac_for(Ipv4 address) {
  const auto ip = address.bytes().bytes;
  return {0x02, 0x42, ip[0], ip[1], ip[2], ip[3]};
}

std::string mac_text(const sys::MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

std::optional<sys::MacAddress> parse_mac(std::string_view text) {
  std::string with_colons(text);
  std::replace(with_colons.begin(), with_colons.end(), '-', ':');
  const auto pieces = split(with_colons, ':');
  sys::MacAddress mac{};
  if (pieces.size() != mac.size()) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const std::string_view piece = pieces[i];
    const auto end = piece.data() + piece.size();
    const auto parsed = std::from_chars(piece.data(), end, mac[i], 16);
    if (piece.size() != 2 || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  }
  const bool multicast = (mac[0] & 1) != 0;
  if (multicast || mac == sys::MacAddress{}) return std::nullopt;
  return mac;
}

}  // namespace wherry::network
