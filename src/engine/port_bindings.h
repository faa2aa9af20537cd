// --publish, --publish-all and --expose: what create checks, what start asks of the network,
// and what inspect and ps show. Pure but for nothing: plain data in and out.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/container_record.h"
#include "engine/container_state.h"
#include "network/network.h"

namespace wherry::engine {

// InvalidArgument in docker's words for the first port, address or range that cannot be, and
// for ports in modes that cannot have any; a mode that ignores them is named in `warnings`.
Result<> check_ports(const spec::docker::ContainerConfig& config,
                     const spec::docker::HostConfig& host, std::vector<std::string>& warnings);

// Fixed ports first, so that a free one that the kernel picks is never one that is asked for.
Result<std::vector<network::PortRequest>> port_requests(const ContainerRecord& record);

// inspect's Ports: published ones with their addresses, exposed ones with null.
spec::docker::PortMap port_map(const ContainerRecord& record,
                               std::span<const network::PublishedPort> published);
// The published ones of a port map, as the engine's row keeps them.
std::vector<network::PublishedPort> published_from(const spec::docker::PortMap& ports);
// ps's form.
std::vector<spec::docker::PortSummary> port_summaries(const spec::docker::PortMap& ports);

}  // namespace wherry::engine
