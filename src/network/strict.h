// The pair of interfaces of strict mode (docs/decisions/0010): what the firewall copies to one end
// comes in by the other, without its connection, and is translated there. Both ends are in the
// host's namespace.
#pragma once

#include <string>

#include "base/result.h"
#include "network/firewall.h"

namespace wherry::network {

// Found or made, up, without IPv6 addresses of its own; reverse path filtering is loose on it, also
// where the host's is strict. Idempotent. Unsupported, with the remedy, where the host does not let
// us.
Result<StrictPath> ensure_strict_path(sys::NetlinkSocket& route, const std::string& name_prefix);

// The names of its ends: the one that copies leave by and the one that they enter by.
std::string strict_exit(const std::string& name_prefix);
std::string strict_entry(const std::string& name_prefix);

}  // namespace wherry::network
