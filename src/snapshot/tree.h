// Trees of files that we made: measured, walked by descriptor, never through a symlink.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::snapshot {

// Deeper trees are refused: more than the extractor's limit, and than what a container can make
// by one path.
inline constexpr int kDeepestTree = 4096;

struct TreeSize {
  std::uint64_t entries = 0;  // everything below the root
  std::uint64_t bytes = 0;    // sizes of regular files, a file with several names once
  bool operator==(const TreeSize&) const = default;
};
Result<TreeSize> measure_tree(const sys::Fd& root);

}  // namespace wherry::snapshot
