// main() of the keeper role.
#pragma once

#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::keeperd {

struct KeeperOptions {
  std::string run_directory;
  int ready_fd = -1;  // one byte is written here when requests are served
  int handover_fd = -1;  // instead of opening the directory: of the keeper that executed us
};

Result<> keeper_main(const KeeperOptions& options);

// A mount namespace with nothing but a tmpfs root, /proc and /sys: every clone copies it, and
// copying 700 mounts of a busy host costs a millisecond. `mount_point`: any directory.
Result<> enter_small_mount_namespace(const std::string& mount_point);

}  // namespace wherry::keeperd
