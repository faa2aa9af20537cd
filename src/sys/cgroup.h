// Control groups: what the host has (v1, v2 or both, probed once) and one container's
// directories in every hierarchy. A Cgroup is a plain value (layout + path) that opens what it
// needs when it needs it, so that an engine with a thousand containers holds no descriptor of
// them. Paths are of our own making below cgroupfs, hence trusted.
// A missing or read-only controller is not an error here: `write` says Unsupported and the
// caller decides whether somebody asked for that limit.
// Thread rule: values, safe from any thread; two callers must not change one group at once.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

// One mounted hierarchy. `controllers` of the unified one are those of its root's
// cgroup.controllers; a v1 hierarchy may carry several ("cpu", "cpuacct").
struct CgroupHierarchy {
  std::string mount_point;
  std::vector<std::string> controllers;
  bool unified = false;
  bool read_only = false;
};

enum class CgroupMode : std::uint8_t { None, V1, V2, Hybrid };

// The cgroup file systems that this process sees.
struct CgroupLayout {
  std::vector<CgroupHierarchy> hierarchies;

  // Reads /proc/self/mountinfo and each unified root's cgroup.controllers.
  static Result<CgroupLayout> probe();
  // The same from the text of a mountinfo file; unified controllers stay empty.
  static CgroupLayout parse(std::string_view mountinfo);

  [[nodiscard]] CgroupMode mode() const;
  // The hierarchy that carries `controller`; null if none does. v2 is meant only where the
  // controller is listed there. "devices", "freezer" and "kill" exist on every v2.
  [[nodiscard]] const CgroupHierarchy* find(std::string_view controller) const;
  [[nodiscard]] const CgroupHierarchy* unified() const;
};

class Cgroup {
 public:
  Cgroup() = default;
  // `path` is absolute within every hierarchy: "/wherry/<id>". Nothing is made yet.
  Cgroup(std::shared_ptr<const CgroupLayout> layout, std::string path)
      : layout_(std::move(layout)), path_(std::move(path)) {}

  // Makes the directory in every hierarchy that can be written; parents too, with their
  // controllers handed down (v2 subtree_control, v1 cpuset.cpus/mems copied). What could not be
  // made is named in `warnings`. An existing empty directory is taken over; one with
  // processes in it, other than `guest`, is Conflict.
  Result<> create(std::vector<std::string>& warnings, pid_t guest = 0) const;
  // Conflict where somebody's processes are in a group of this name.
  [[nodiscard]] Result<> check_unused() const;
  // Removes every directory, inner ones that the container made first. A missing one is
  // success; EBUSY (a process still exiting) is retried until `deadline_ms` is over.
  Result<> remove(int deadline_ms) const;

  // Writes `value` to `file` of the hierarchy that carries `controller`. Unsupported where
  // the host has no such controller, or it is read-only, or the kernel lacks the file.
  Result<> write(std::string_view controller, const std::string& file, std::string_view value) const;
  [[nodiscard]] Result<std::string> read(std::string_view controller, const std::string& file) const;
  // Is there a directory of ours for `controller`?
  [[nodiscard]] bool has(std::string_view controller) const;
  [[nodiscard]] bool is_v2(std::string_view controller) const;

  // v1: `tasks` of every hierarchy, open for writing. "0" moves the calling thread, which has to
  // be the only one of its process: then this is the same as cgroup.procs, without the lock
  // over all thread groups whose first taker waits for an RCU grace period (3-30 ms; the
  // kernel skips it for a thread that moves itself since 5.8).
  [[nodiscard]] Result<std::vector<Fd>> open_v1_tasks() const;
  // The unified directory, for CLONE_INTO_CGROUP and BPF; empty where there is none.
  [[nodiscard]] Result<Fd> open_unified() const;
  // One directory (O_PATH) per hierarchy in which ours exists.
  struct Directory {
    const CgroupHierarchy* hierarchy;
    Fd fd;
  };
  [[nodiscard]] std::vector<Directory> open_directories() const;

  [[nodiscard]] Result<std::vector<pid_t>> processes() const;
  // Waits for the state to be reached: at most `deadline_ms`. Unsupported without a freezer.
  Result<> freeze(int deadline_ms) const;
  Result<> thaw() const;
  [[nodiscard]] bool is_frozen() const;
  // SIGKILL to every process until none is left: one cgroup.kill where the kernel has it
  // (>= 5.14), else freeze, signal, thaw. On v1 the kernel offers no event for "empty", hence a
  // poll bounded by `deadline_ms`; Deadline if processes are left.
  Result<> kill_all(int deadline_ms) const;
  Result<> signal_all(int number) const;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::shared_ptr<const CgroupLayout>& layout() const { return layout_; }
  explicit operator bool() const { return layout_ != nullptr && !path_.empty(); }

 private:
  [[nodiscard]] std::string directory_of(const CgroupHierarchy& hierarchy) const;
  // The hierarchy for processes(), and for the freezer.
  [[nodiscard]] const CgroupHierarchy* tracking() const;

  std::shared_ptr<const CgroupLayout> layout_;
  std::string path_;
};

}  // namespace wherry::sys
