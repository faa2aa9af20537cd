// daemon.json's default-address-pools: where the subnets come from that nobody asked for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/address.h"
#include "network/ipv6.h"

namespace wherry::network {

// As docker writes one: {"base": "10.200.0.0/16", "size": 24}, of either family.
struct PoolSetting {
  std::string base;
  unsigned size = 0;  // prefix length of the subnets that it is cut into

  bool operator==(const PoolSetting&) const = default;
};

// A value. A family without a pool of its own has docker's: choose_subnet, choose_subnet6.
class AddressPools {
 public:
  AddressPools() = default;
  // InvalidArgument for what is no subnet, cannot be cut so, or holds addresses that have
  // another meaning; and for more than 256 pools.
  static Result<AddressPools> from(std::span<const PoolSetting> settings);

  // The first subnet that overlaps none of `taken`, pool by pool; nothing when all do.
  [[nodiscard]] std::optional<Subnet> choose(std::span<const Subnet> taken) const;
  // `seed` is that of choose_subnet6.
  [[nodiscard]] std::optional<Subnet6> choose6(std::string_view seed,
                                               std::span<const Subnet6> taken) const;

 private:
  struct Block {
    Subnet base;
    unsigned size;
  };
  struct Block6 {
    Subnet6 base;
    unsigned size;
  };
  Result<> add(const PoolSetting& setting, const Cidr& cidr);
  Result<> add6(const PoolSetting& setting, const Cidr6& cidr);

  std::vector<Block> blocks_;
  std::vector<Block6> blocks6_;
};

}  // namespace wherry::network
