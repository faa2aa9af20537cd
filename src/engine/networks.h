// The verbs of networks. Engine's methods call these; private to src/engine.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/core.h"
#include "engine/requests.h"
#include "spec/docker_network.h"

namespace wherry::engine {

Result<std::vector<spec::docker::Network>> list_networks(Core& core, const FilterMap& filters);
Result<spec::docker::Network> inspect_network(Core& core, const std::string& name);
Result<spec::docker::NetworkCreateResponse> create_network(
    Core& core, const spec::docker::NetworkCreateRequest& request);
Result<> remove_network(Core& core, const std::string& name);
Result<spec::docker::NetworkPruneResponse> prune_networks(Core& core, const FilterMap& filters);

// ---- connect.cc
Result<> connect_network(Core& core, const std::string& name,
                         const spec::docker::NetworkConnectRequest& request);
Result<> disconnect_network(Core& core, const std::string& name,
                            const spec::docker::NetworkDisconnectRequest& request);

void publish_event_of_network(Core& core, const network::Description& network,
                              const std::string& action, const std::string& container);

}  // namespace wherry::engine
