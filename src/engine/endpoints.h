// A container's endpoints: what was asked for, as networks to join, and what it got, as
// inspect shows it. Private to src/engine.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/container_record.h"
#include "engine/core.h"
#include "network/network.h"

namespace wherry::engine {

// bridge, host, none, default and container:x are not.
bool is_user_defined(std::string_view network_mode);
// Containers get an interface of their own on it: not on host and none.
bool has_interfaces(const network::Description& network);

// InvalidArgument in docker's words: an address or names where the network gives none.
Result<> check_endpoint_wishes(const network::Description& network,
                               const spec::docker::EndpointSettings& wishes);
// What can be judged of a request's endpoints before its networks are looked up, and their
// keys settled: "default" and "" become "bridge", ids become names where they are known.
Result<> settle_endpoints(Core& core, ContainerRecord& record);

struct WantedEndpoint {
  network::Description network;
  spec::docker::EndpointSettings wishes;
};
// The networks of a container with a sandbox of its own, its network mode first.
Result<std::vector<WantedEndpoint>> wanted_endpoints(Core& core, const ContainerRecord& record);

network::EndpointWishes wishes_from(const spec::docker::EndpointSettings& settings);

// Wishes and what became of them: inspect's form.
spec::docker::EndpointSettings describe_endpoint(const network::Endpoint& endpoint,
                                                 const spec::docker::EndpointSettings& wishes,
                                                 const ContainerRecord& record);
// docker's DNSNames: name, aliases, short id and hostname, each once.
std::vector<std::string> names_on_network(const ContainerRecord& record,
                                          const spec::docker::EndpointSettings& wishes);

// Tells the registry of members, and with it the resolver.
void note_member(Core& core, const ContainerRecord& record, const network::Description& network,
                 const spec::docker::EndpointSettings& endpoint, const sys::Fd& netns);

// Takes a sandbox and joins every network of the container's; release_run() gives all of it
// back, also after an error.
struct JoinedNetworks {
  sys::Fd netns;
  spec::docker::EndpointMap endpoints;
};
Result<JoinedNetworks> join_networks(Core& core, const ContainerRecord& record);

}  // namespace wherry::engine
