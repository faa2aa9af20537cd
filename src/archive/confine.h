// Takes from the unpack worker everything it does not need, before it reads a byte of the
// archive. Each wall stands alone; what the kernel lacks is left out (Landlock before 5.13).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::archive {

// Afterwards the process can write below `target` only, which is its root directory as well;
// it holds the capabilities that owners, device nodes and overlay's marks take, can make no
// socket, open nothing outside, start no program, and is limited in memory and descriptors.
Result<> confine_to(const sys::Fd& target);

}  // namespace wherry::archive
