// The one rule that stands inside a container's namespace.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::network {

struct NamePorts {
  std::uint16_t udp = 0;
  std::uint16_t tcp = 0;
};

// What the container sends to 127.0.0.11:53 goes to these ports of 127.0.0.11. So port 53 of the
// container stays free for a name server of its own that binds every address, as in docker. A
// thread enters `netns` and ends; running it again replaces the rule.
Result<> redirect_names(const sys::Fd& netns, const NamePorts& ports);

}  // namespace wherry::network
