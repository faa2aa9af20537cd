// Which kernel parameters a container may have set: those that exist once per namespace of its
// own. Everything else would change the host.
#pragma once

#include <string>

#include "base/result.h"

namespace wherry::runtime {

struct OwnNamespaces {
  bool network = false;
  bool ipc = false;
  bool uts = false;
};

// The file below /proc of a parameter in dotted or slashed form: "sys/net/ipv4/ip_forward".
// InvalidArgument for a name or value of a shape that no parameter has, and, in runc's words,
// `sysctl "x" is not in a separate kernel namespace`.
Result<std::string> sysctl_file(const std::string& name, const std::string& value,
                                OwnNamespaces own);

}  // namespace wherry::runtime
