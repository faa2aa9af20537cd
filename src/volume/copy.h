// The first use of a volume: it starts as a copy of what the image has at its place.
#pragma once

#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::volume {

// True if the directory has no entry.
Result<bool> is_empty(const sys::Fd& directory);

// The directory at `target` below `root` (an image's tree: hostile), opened as a process inside
// would find it; empty where that is nothing, or no directory.
Result<sys::Fd> open_content(const sys::Fd& root, const std::string& target);

// Copies everything below `source` into `target`, then the owner, mode, times and extended
// attributes of `source` itself. Symbolic links are copied as links, names of one file stay
// names of one file, device nodes and pipes are made anew. Both trees are walked by descriptor.
Result<> copy_contents(const sys::Fd& source, const sys::Fd& target);

}  // namespace wherry::volume
