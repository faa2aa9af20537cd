// OCI config -> plan. Everything that can be made, opened, computed or checked before the clone
// is done here, in the engine's process: cgroups with their limits, detached mounts (rootfs and
// binds, tmpfs, a fresh /dev with its nodes), the seccomp filter. What depends on the
// container's namespaces (proc, sysfs, mqueue, devpts) becomes steps of the plan.
// Thread rule: safe from any thread; blocking.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/launch.h"
#include "runtime/plan.h"
#include "spec/oci_runtime.h"
#include "sys/cgroup.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::runtime {

struct Prepared {
  Plan plan;
  std::vector<sys::Fd> fds;  // the plan's slots, in order
  sys::Cgroup cgroup;
  std::vector<std::string> warnings;  // limits and rights that the host lacks
};

struct PrepareRequest {
  // `process` must be set; of `root` only `readonly` counts.
  const spec::oci::Config* config = nullptr;
  sys::Fd rootfs;             // a detached mount
  sys::Fd network_namespace;  // empty: as config.linux.namespaces says
  sys::Cgroup cgroup;         // empty: the container stays in the launcher's groups
  pid_t cgroup_guest = 0;     // may be in it already
  // Detached mounts by destination, used in place of the source of that mount of the config
  // (/dev/shm of another container, a volume that the engine holds open).
  std::map<std::string, sys::Fd> ready_mounts;
  // Descriptors after 2 that the program inherits from the launcher (--preserve-fds).
  unsigned preserved_fds = 0;
  bool new_keyring = true;
  // Mounts in the order of the config, down to their ids (see MountRequest).
  bool mounts_in_order = false;
  // A config without process is taken as one that nobody starts.
  bool without_program = false;
  // What the config's hooks read; empty id: hooks are not run here. With prestart or createRuntime
  // hooks the child says Waiting before its root changes.
  spec::oci::State state;
  // Where the launcher sees root.path: createContainer hooks run in the bundle and find the mounts there.
  std::string rootfs_path;
};

// On an error the cgroup directories that were made are removed again.
Result<Prepared> prepare(PrepareRequest request);

struct ExecRequest {
  const spec::oci::Process* process = nullptr;
  // The container's filter again; null: none (privileged).
  const spec::oci::Seccomp* seccomp = nullptr;
  // Of the container's pid 1: all its namespaces are joined.
  const sys::Pidfd* target = nullptr;
  sys::Cgroup cgroup;
  unsigned preserved_fds = 0;
  bool new_keyring = true;
};

// Conflict when the container is frozen: "container is paused, unpause the container before
// exec" is the engine's to say.
Result<Prepared> prepare_exec(ExecRequest request);

// The root directory of a running process as its own descriptor (its namespace's root).
Result<sys::Fd> open_process_root(pid_t pid, const sys::Pidfd& pidfd);

}  // namespace wherry::runtime
