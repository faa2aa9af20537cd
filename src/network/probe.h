// What this host can do for container networks, for `wherry system check`. Every probe works
// in a scratch network namespace of its own thread and leaves nothing behind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace wherry::network {

struct Probe {
  enum class State : std::uint8_t { Ok, Limited, Missing };
  std::string feature;  // "network namespaces", "bridge", "nf_tables", "ip forwarding"
  State state = State::Ok;
  std::string detail;  // what failed, and the remedy; "" when ok
};
std::vector<Probe> probe_host();

}  // namespace wherry::network
