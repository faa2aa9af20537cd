// Steps that make the cloned process the one that the config describes: the same for a
// container's first process and for an exec.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/plan_builder.h"
#include "runtime/seccomp.h"
#include "spec/oci_runtime.h"
#include "sys/id_map.h"

namespace wherry::runtime {

struct ProcessRequest {
  const spec::oci::Process* process = nullptr;
  const SeccompFilter* filter = nullptr;  // null: none
  std::uint32_t proc = kNone;    // slot of a procfs of ours
  std::uint32_t devpts = kNone;  // kNone: the one at /dev/pts
  unsigned preserved_fds = 0;
  bool new_keyring = true;
  const spec::oci::Linux* settings = nullptr;  // personality and memory policy; null in an exec
  bool without_program = false;      // never started: `process` has no args
  bool own_user_namespace = false;   // no right over limits of the host
  bool has_streams = false;          // SetStdio is behind us, by plan_streams
  bool born_late = false;            // into the joined pid namespace, when its rights are the program's
  std::function<void()> before_exec; // adds the steps between Go and exec
};

// A slot with a procfs that counts as the writing process does, over which nothing is mounted that a
// step could meet (NO_XDEV): of the launcher's pid namespace, or of the child's own.
enum class ProcfsOf : std::uint8_t { Launcher, Child };
std::uint32_t plan_procfs(ProcfsOf whose, PlanBuilder& builder);
// Standard streams of a process that will be `uid` of a user namespace, while it is the host's root:
// their pipes become that user's, who may then open /dev/stdout again.
void plan_streams(const sys::IdMaps& maps, std::uint32_t uid, PlanBuilder& builder);
// Done by plan_process_start where the process has no user namespace of its own.
void plan_oom_score(const ProcessRequest& request, PlanBuilder& builder, std::vector<std::string>& warnings);
// Whether the filter lets a process be born late: it is in force before that, unless the process
// has no_new_privs. A scheduling policy may end at a birth, and needs rights that are gone after it.
bool can_be_born_late(const spec::oci::Process& process, const SeccompFilter* filter);
// Before the root changes: procfs writes and the terminal.
Result<> plan_process_start(const ProcessRequest& request, PlanBuilder& builder,
                            std::vector<std::string>& warnings);
// Before (`initial`) and after (`final`) an exec is in the container's groups; empty: nothing.
Result<> plan_affinity(const std::string& processors, PlanBuilder& builder);
// From the standard streams to exec. Limits and capabilities that we do not hold ourselves are
// cut, with a warning.
Result<> plan_process_end(const ProcessRequest& request, PlanBuilder& builder,
                          std::vector<std::string>& warnings);

}  // namespace wherry::runtime
