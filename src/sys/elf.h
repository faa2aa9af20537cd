// What can be read from a program's file without running it.
#pragma once

#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

// The GNU build id of a 64-bit ELF program, in hex: two files with the same one are the same
// build. NotFound for a program without one, Invalid for what is no program. Any thread.
Result<std::string> build_id(const Fd& program);

}  // namespace wherry::sys
