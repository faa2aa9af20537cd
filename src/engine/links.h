// `--link` on the default bridge: another container under a name, in the hosts file, in the
// environment and through the firewall. On user networks the resolver knows links instead
// (engine/dns.cc), and networks' own rules say who reaches whom.
//
// A record keeps "<full id>:<alias>", so that a rename does not break a link.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/core.h"
#include "network/files.h"

namespace wherry::engine {

// A link whose target runs on the default bridge.
struct LiveLink {
  ContainerRecord target;
  std::string alias;
  std::string ip;
};

// At create: "target", "target:alias" or docker's "/target:/me/alias", found and stored by id.
Result<> settle_links(Core& core, ContainerRecord& record);
// "/target:/me/alias", as inspect shows them; targets that are gone are left out.
spec::docker::Strings shown_links(Core& core, const ContainerRecord& record);

// At start: Conflict in docker's words for a target that does not run.
Result<std::vector<LiveLink>> live_links(Core& core, const ContainerRecord& record);
std::vector<network::HostsEntry> link_hosts(const std::vector<LiveLink>& links);
// docker's variables: DB_NAME, DB_PORT, DB_PORT_5432_TCP, ..., DB_ENV_<variable of the target>.
std::vector<std::string> link_environment(const std::string& name,
                                          const std::vector<LiveLink>& links);

// `rm --link OWNER/ALIAS`: the record, the hosts file and the firewall forget the link. NotFound
// "No such container: OWNER/ALIAS"; Conflict for a name that is a container's own.
Result<> remove_link(Core& core, const std::string& name);

// From now on the container reaches its targets, wherever they are, and no longer than they run.
void open_links(Core& core, const ContainerRecord& record);
// `target` has started: those that run and have a link to it learn its address.
void tell_linked(Core& core, const ContainerRecord& target);

}  // namespace wherry::engine
