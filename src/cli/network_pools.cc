#include "cli/network_pools.h"

#include <fmt/format.h>

namespace wherry::cli {

namespace bj = boost::json;

Result<bj::array> pool_configuration(const PoolFlags& flags) {
  if (flags.subnets.size() < flags.ranges.size() || flags.subnets.size() < flags.gateways.size())
    return Error::invalid("every ip-range or gateway must have a corresponding subnet");
  if (flags.subnets.empty() && !flags.auxiliary.empty())
    return Error::invalid(
        fmt::format("no matching subnet for aux-address {}", flags.auxiliary.begin()->second));
  bj::array pools;
  for (std::size_t i = 0; i < flags.subnets.size(); ++i) {
    bj::object pool = {{"Subnet", flags.subnets[i]}};
    if (i < flags.ranges.size()) pool["IPRange"] = flags.ranges[i];
    if (i < flags.gateways.size()) pool["Gateway"] = flags.gateways[i];
    if (i == 0 && !flags.auxiliary.empty()) {
      bj::object addresses;
      for (const auto& [name, address] : flags.auxiliary) addresses[name] = address;
      pool["AuxiliaryAddresses"] = std::move(addresses);
    }
    pools.push_back(std::move(pool));
  }
  return pools;
}

}  // namespace wherry::cli
