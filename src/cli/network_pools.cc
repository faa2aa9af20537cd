#include "cli/network_pools.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/strings.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

struct Block {
  std::array<std::uint8_t, 16> bytes{};
  int family = AF_INET;
  unsigned prefix = 0;
};

// "10.0.0.0/8", or an address alone.
std::optional<Block> block_from(const std::string& text) {
  const auto parts = cut(text, '/');
  const std::string address(parts ? parts->before : std::string_view(text));
  Block block;
  if (address.find(':') != std::string::npos) block.family = AF_INET6;
  const unsigned bits = block.family == AF_INET6 ? 128 : 32;
  const auto prefix = parts ? parse_u64(parts->after) : std::optional<std::uint64_t>(bits);
  if (::inet_pton(block.family, address.c_str(), block.bytes.data()) != 1) return std::nullopt;
  if (!prefix || *prefix > bits) return std::nullopt;
  block.prefix = static_cast<unsigned>(*prefix);
  return block;
}

bool contains(const Block& subnet, const Block& inner) {
  if (subnet.family != inner.family) return false;
  for (unsigned bit = 0; bit < subnet.prefix; ++bit) {
    const unsigned differing = subnet.bytes[bit / 8] ^ inner.bytes[bit / 8];
    if ((differing & 0x80U >> bit % 8) != 0) return false;
  }
  return true;
}

// The pool whose subnet contains `text`; null if there is none.
Result<bj::object*> pool_of(bj::array& pools, const std::string& text) {
  const auto inner = block_from(text);
  if (!inner && text.find('/') != std::string::npos)
    return Error::invalid(fmt::format("invalid CIDR address: {}", text));
  for (bj::value& pool : pools) {
    const std::string subnet(pool.at("Subnet").as_string());
    const auto outer = block_from(subnet);
    if (!outer || subnet.find('/') == std::string::npos)
      return Error::invalid(fmt::format("invalid subnet: invalid CIDR address: {}", subnet));
    if (inner && contains(*outer, *inner)) return &pool.as_object();
  }
  return nullptr;
}

struct Member {
  std::string_view key;   // in the pool
  std::string_view what;  // in messages
  std::string_view on;    // docker's preposition
};

Result<> put(bj::array& pools, const Member& member, const std::string& text) {
  bj::object* const pool = TRY(pool_of(pools, text));
  if (pool == nullptr)
    return Error::invalid(fmt::format("no matching subnet for {} {}", member.what, text));
  if (pool->contains(member.key))
    return Error::invalid(fmt::format("cannot configure multiple {}s ({}, {}) {} the same subnet ({})",
                                      member.what, text,
                                      std::string_view(pool->at(member.key).as_string()), member.on,
                                      std::string_view(pool->at("Subnet").as_string())));
  (*pool)[member.key] = text;
  return {};
}

}  // namespace

Result<bj::array> pool_configuration(const PoolFlags& flags) {
  if (flags.subnets.size() < flags.ranges.size() || flags.subnets.size() < flags.gateways.size())
    return Error::invalid("every ip-range or gateway must have a corresponding subnet");
  bj::array pools;
  for (const std::string& subnet : flags.subnets) pools.push_back(bj::object{{"Subnet", subnet}});
  for (const std::string& range : flags.ranges) TRY(put(pools, {"IPRange", "range", "on"}, range));
  for (const std::string& gateway : flags.gateways) 
    TRY(put(pools, {"Gateway", "gateway", "for"}, gateway));
  for (const auto& [name, address] : flags.auxiliary) {
    bj::object* const pool = TRY(pool_of(pools, address));
    if (pool == nullptr)
      return Error::invalid(fmt::format("no matching subnet for aux-address {}", address));
    bj::value& addresses = (*pool)["AuxiliaryAddresses"];
    if (!addresses.is_object()) addresses = bj::object();
    addresses.as_object()[name] = address;
  }
  return pools;
}

}  // namespace wherry::cli
