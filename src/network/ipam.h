// Which addresses of one subnet are in use. Lives in memory: rebuilt from the engine's rows
// at start. Not thread-safe: its owner holds a lock.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "network/address.h"

namespace wherry::network {

// What narrows a pool down.
struct PoolLimits {
  std::optional<Subnet> range = std::nullopt;  // --ip-range: leases come out of it alone
  std::vector<Ipv4> auxiliary = {};            // --aux-address
  std::string label = "bridge";                // the network, in messages
};

class AddressPool {
 public:
  // Gateway, auxiliary, network and broadcast addresses are never given out.
  AddressPool(Subnet subnet, Ipv4 gateway, PoolLimits limits = {});

  // The lowest free address of the range, as docker's default bridge does; Unavailable when
  // none is left.
  Result<Ipv4> lease(const ContainerId& owner);
  // Exactly `address`: InvalidArgument outside the subnet, Conflict when it is in use.
  Result<> reserve(Ipv4 address, const ContainerId& owner);
  void release(Ipv4 address);

  [[nodiscard]] const Subnet& subnet() const { return subnet_; }
  [[nodiscard]] Ipv4 gateway() const { return gateway_; }
  [[nodiscard]] std::size_t in_use() const { return owners_.size(); }

 private:
  [[nodiscard]] bool usable(Ipv4 address) const;

  Subnet subnet_;
  Ipv4 gateway_;
  PoolLimits limits_;
  Subnet range_;  // leases come out of it
  std::map<Ipv4, ContainerId> owners_;
  // Every usable address below it is in use, so that a lease does not walk over them all.
  std::uint32_t lowest_candidate_;
};

// docker's default-address-pools: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in /20s.
std::vector<Subnet> default_subnets();
// The first of them that overlaps none of `taken`; nullopt when all do.
std::optional<Subnet> choose_subnet(std::span<const Subnet> taken);

}  // namespace wherry::network
