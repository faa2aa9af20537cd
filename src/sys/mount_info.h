// What /proc/self/mountinfo says of one mount. The format is in proc_pid_mountinfo(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::sys {

struct MountInfo {
  std::uint64_t id = 0;
  std::string mount_point;  // octal escapes undone
  bool shared = false;      // what is mounted below it is seen by its peers
  bool slave = false;       // what its master's peers mount is seen here
};

// One line; nothing for what is none.
std::optional<MountInfo> parse_mount_info(std::string_view line);

// The mount that `path` is on, in the calling thread's mount namespace, symlinks followed.
Result<MountInfo> mount_of(const std::string& path);

}  // namespace wherry::sys
