// hostname, hosts and resolv.conf of a container: what --hostname, --add-host and --dns* become.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/core.h"
#include "network/files.h"

namespace wherry::engine {

// InvalidArgument for a server that is no address, a malformed extra host, words that would
// break a line of resolv.conf, and what cannot go with the network mode, with docker's words.
Result<> check_names(const spec::docker::HostConfig& host);

// Each list of the container's own replaces the engine's of daemon.json.
network::DnsOverrides dns_overrides(const Options& options, const spec::docker::HostConfig& host);

struct NameFiles {
  std::string directory;  // where they are written
  std::string hostname;
  spec::docker::EndpointMap endpoints;
};
Result<> write_name_files(Core& core, const ContainerRecord& record, const NameFiles& files);

}  // namespace wherry::engine
