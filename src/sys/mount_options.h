// The option words of an OCI mount: what is a flag of the mount, what belongs to the file
// system, what says how it propagates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/mount.h"

namespace wherry::sys {

struct MountOptions {
  std::uint64_t set = 0;              // MOUNT_ATTR_*
  std::uint64_t clear = 0;
  std::uint64_t recursive_set = 0;    // "rro" and its like
  std::uint64_t recursive_clear = 0;
  std::uint64_t propagation = 0;      // MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0
  bool bind = false;
  bool recursive_bind = false;
  bool id_mapped = false;             // "idmap", "ridmap"
  bool recursive_id_map = false;
  bool copy_up = false;               // "tmpcopyup"
  std::vector<MountOption> data;
};

// Unsupported for what we know and do not do ("remount", "mand").
Result<MountOptions> parse_mount_options(const std::vector<std::string>& words);

}  // namespace wherry::sys
