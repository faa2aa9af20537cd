// What a process of ours gives up for good before it reads hostile bytes. For processes with
// one thread: both act on the calling thread.
#pragma once

#include <span>

#include "base/result.h"

namespace wherry::sys {

// Every capability of every set, the bounding set included. Nothing for an ordinary user.
Result<> drop_all_capabilities();

// no_new_privs, and a seccomp filter: the calls named (SYS_*) work, others fail with EPERM, and
// a call of another architecture kills the process.
Result<> allow_only_system_calls(std::span<const long> numbers);

}  // namespace wherry::sys
