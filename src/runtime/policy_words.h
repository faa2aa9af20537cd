// Words of a config about processors and memory, as the kernel's numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "spec/oci_runtime.h"

namespace wherry::runtime {

// "0-3,7" as a mask of a plan: hexadecimal digits, the first of bits 0 to 3. InvalidArgument for
// another form, an empty list or a number from kMaximumMaskBits on.
Result<std::string> number_mask(std::string_view list);

// These give the value, or InvalidArgument with the member that is wrong: "flags[0]: ...".
// SetScheduler's `a` without the period.
Result<std::uint64_t> scheduler_bits(const spec::oci::Scheduler& scheduler);
Result<std::uint64_t> memory_policy_bits(const spec::oci::MemoryPolicy& policy);
Result<std::uint64_t> personality_bits(const spec::oci::Personality& personality);

}  // namespace wherry::runtime
