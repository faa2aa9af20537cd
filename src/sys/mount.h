// Mounts as objects: a file system is configured and mounted detached (fsopen, fsconfig,
// fsmount; open_tree for binds), passed about as a descriptor, and attached by move_mount at a
// directory descriptor. No path of a mount ever goes through mount(2), so nothing can be
// swapped between the check of a target and its use. Linux >= 5.12 (mount_setattr).
// A DetachedMount that is never attached disappears when its descriptor is closed.
// Thread rule: as for int; a DetachedMount belongs to the mount namespace of its creator for
// look-ups, and may be attached in any namespace in which the caller holds CAP_SYS_ADMIN.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

// One fsconfig(2) parameter; without a value it is a flag ("ro", "userxattr").
struct MountOption {
  std::string key;
  std::string value;
  bool is_flag = false;
};

class DetachedMount {
 public:
  DetachedMount() = default;
  explicit DetachedMount(Fd fd) : fd_(std::move(fd)) {}

  // A new instance of file system `type` with `options` and MOUNT_ATTR_* `attributes`. The
  // error carries the kernel's own explanation where fsopen's log has one.
  static Result<DetachedMount> create(const std::string& type,
                                      const std::vector<MountOption>& options,
                                      std::uint64_t attributes);
  // A private copy of the mount at `directory`/`path` ("" with AT_EMPTY_PATH: `directory`
  // itself). Recursive::Yes copies the mounts below it too.
  enum class Recursive : bool { No, Yes };
  static Result<DetachedMount> clone(const Fd& directory, const std::string& path,
                                     Recursive recursive);

  // Sets and clears MOUNT_ATTR_*; `propagation` is MS_PRIVATE, MS_SLAVE, MS_SHARED or 0.
  struct Attributes {
    std::uint64_t set = 0;
    std::uint64_t clear = 0;
    std::uint64_t propagation = 0;
    Recursive recursive = Recursive::No;
  };
  Result<> change(Attributes attributes) const;
  // Its files' ids are those of `user_namespace` from now on (sys/id_map.h). Unsupported where the
  // file system cannot: overlayfs, nfs and others.
  Result<> map_ids(const Fd& user_namespace, Recursive recursive) const;
  // Attaches at `target` (an O_PATH descriptor of a directory or file), the descriptor stays
  // valid and names the attached mount.
  Result<> attach(const Fd& target) const;

  // Usable as a directory descriptor for openat2 and the *at calls.
  [[nodiscard]] const Fd& fd() const { return fd_; }
  [[nodiscard]] Fd release() { return std::move(fd_); }
  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  Fd fd_;
};

// Detaches the mount at `path` now, its users keep it until they let go (MNT_DETACH). For
// trusted paths.
Result<> unmount_detach(const std::string& path);

}  // namespace wherry::sys
