// Other ids for the files of a mount (idmapped mounts, Linux >= 5.12): what is on the disk and what is
// seen. Such a mount takes its ids from a user namespace, which a process of our own makes and leaves.
// Thread rule: safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

struct IdRange {
  std::uint32_t on_disk = 0;
  std::uint32_t seen = 0;
  std::uint32_t count = 0;

  bool operator==(const IdRange&) const = default;
};

struct IdMaps {
  std::vector<IdRange> users;
  std::vector<IdRange> groups;
};

// The kernel takes 340 lines (user_namespaces(7)); nobody needs so many.
inline constexpr std::size_t kMostIdRanges = 64;

// "uids=1000-0-1#1-1-999;gids=1000-0-1": on the disk, seen, how many. What is in no range belongs to
// nobody (65534) and cannot be made. Both must be there; InvalidArgument says what is wrong.
Result<IdMaps> parse_id_maps(std::string_view text);

// `on_disk` and `seen` change places, everybody else stays: what belongs to one is the other's.
std::vector<IdRange> swapped_ids(std::uint32_t on_disk, std::uint32_t seen);

// The lines of /proc/<pid>/uid_map or gid_map, as a process of the host's user namespace reads them:
// inside, outside, how many. InvalidArgument for anything else.
Result<std::vector<IdRange>> parse_kernel_id_map(std::string_view text);
// Who `id` of the disk is seen as; nothing where no range has it.
std::optional<std::uint32_t> seen_id(const std::vector<IdRange>& ranges, std::uint32_t id);

// A user namespace, and one of networks that belongs to it, where that was asked for.
struct UserNamespace {
  Fd user;
  Fd network;
};
enum class WithNetwork : bool { No, Yes };
// Its root is `seen` of 0. `program`: "" is this program itself; called with --user-namespace it must
// end in run_user_namespace_worker(). Needs CAP_SETUID and CAP_SETGID.
Result<UserNamespace> make_user_namespace(const IdMaps& maps, const std::string& program, WithNetwork network);
Result<Fd> make_user_namespace(const IdMaps& maps, const std::string& program);
// The maps of somebody's user namespace; `program` as above. InvalidArgument if it is none, or ours.
Result<IdMaps> maps_of_user_namespace(const Fd& user_namespace, const std::string& program);
int run_user_namespace_worker();

}  // namespace wherry::sys
