// --subnet, --gateway, --ip-range and --aux-address of network create, brought together.
#pragma once

#include <boost/json/array.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace wherry::cli {

struct PoolFlags {
  std::vector<std::string> subnets;
  std::vector<std::string> ranges;
  std::vector<std::string> gateways;
  std::map<std::string, std::string> auxiliary;
};

// IPAM.Config: an object per subnet. With one subnet everything belongs to it, and the engine
// judges; several are told apart by the engine too, which has no network with several yet.
// InvalidArgument in docker's words for what has no subnet.
Result<boost::json::array> pool_configuration(const PoolFlags& flags);

}  // namespace wherry::cli
