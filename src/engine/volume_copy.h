// The first use of an anonymous volume: it starts as a copy of what the image has there.
#pragma once

#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::engine {

// Makes `directory` (a trusted path) from `target` below `root` unless it exists: owner, mode,
// times, extended attributes, links and special files are kept. The directory appears by a
// rename once it is complete, so that a crash leaves none or a whole one.
Result<> populate_volume(const sys::Fd& root, const std::string& target,
                         const std::string& directory);

}  // namespace wherry::engine
