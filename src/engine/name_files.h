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

// Whom a container asks for names: the servers of the host, or 127.0.0.11.
enum class NameService : std::uint8_t { Host, Resolver };
std::string resolv_conf_text(const Core& core, const ContainerRecord& record, NameService service);

struct NameFiles {
  std::string directory;  // where they are written
  std::string hostname;
  std::vector<network::HostsEntry> linked;  // behind --add-host
};
Result<> write_name_files(Core& core, const ContainerRecord& record, const NameFiles& files);

// The lines of a running container's hosts file as it is connected and disconnected; whatever
// the container has written there stays.
Result<> add_own_address(Core& core, const ContainerRecord& record, const std::string& ip);
Result<> remove_own_address(Core& core, const ContainerRecord& record, const std::string& ip);

}  // namespace wherry::engine
