// "user[:group]" of docker -> ids, by the container's own /etc/passwd and /etc/group. The files
// are a container's, hence hostile: read through its root descriptor (openat2, regular files
// only, never blocking), at most 1 MiB each, lines of any shape.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::runtime {

struct ResolvedUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> additional_gids;  // sorted, without doubles; the primary included
  std::string home = "/";                      // of the passwd line; "/" without one
  std::string name;                            // of the passwd line, if any
};

// `user` is "", "name", "uid", "name:group", "uid:gid", ":group" as docker takes it. With a
// group given, no supplementary group of the files is added. `group_add` names further groups
// (--group-add). InvalidArgument in docker's words: `unable to find user x: no matching entries
// in passwd file`, `unable to find group x: no matching entries in group file`,
// `uids and gids must be in range 0-2147483647`.
Result<ResolvedUser> resolve_user(const sys::Fd& root, std::string_view user,
                                  const std::vector<std::string>& group_add);

// The same on the text of the files.
struct AccountFiles {
  std::string passwd;
  std::string group;
};
Result<ResolvedUser> resolve_user(const AccountFiles& files, std::string_view user,
                                  const std::vector<std::string>& group_add);

}  // namespace wherry::runtime
