// Walking directories that we own or that containers write, by descriptor.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::volume {

// Where a volume's files lie below its own directory, as with docker.
inline constexpr const char* kData = "_data";
// Deeper directories are refused: a container could make them without end.
inline constexpr int kDeepestDirectory = 256;

// Sizes of the regular files below `root`, one with several names counted once. What vanishes
// meanwhile is left out; symbolic links are not followed.
Result<std::uint64_t> bytes_below(const sys::Fd& root);

}  // namespace wherry::volume
