// Linux capabilities by name and as bit sets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::sys {

// Bit N is capability N of <linux/capability.h>.
using CapabilitySet = std::uint64_t;

// "CAP_CHOWN" -> 0; upper case with the prefix only. nullopt for a name we do not know.
std::optional<unsigned> capability_number(std::string_view name);
// "CAP_CHOWN"; empty past the last that we know.
std::string_view capability_name(unsigned number);
std::vector<std::string> capability_names(CapabilitySet set);

// The calling thread's permitted and bounding sets.
struct OwnCapabilities {
  CapabilitySet permitted = 0;
  CapabilitySet bounding = 0;
};
Result<OwnCapabilities> own_capabilities();

}  // namespace wherry::sys
