// What a process of ours gives up for good before it reads hostile bytes. Both act on
// the calling thread alone: a process with several calls them on each.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace wherry::sys {

// Every capability of every set, the bounding set included. Nothing for an ordinary user.
Result<> drop_all_capabilities();

// A call whose first argument, as the 32 bits that the kernel reads, must be one of `values`.
struct ArgumentRule {
  long number;
  std::span<const std::uint32_t> values;
};

// no_new_privs, and a seccomp filter: the calls named (SYS_*) work, others fail with EPERM, and
// a call of another architecture kills the process. tgkill reaches the calling process alone: a
// user's signals need no capability. A call that has a rule works within it only.
Result<> allow_only_system_calls(std::span<const long> numbers, std::span<const ArgumentRule> rules = {});

}  // namespace wherry::sys
