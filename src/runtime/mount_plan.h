// The mounts of a config: made detached here where the engine may, turned into steps where
// they depend on the container's namespaces.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/plan_builder.h"
#include "spec/oci_runtime.h"
#include "sys/cgroup.h"
#include "sys/fd.h"

namespace wherry::runtime {

struct MountRequest {
  const spec::oci::Config* config = nullptr;
  const sys::Fd* root = nullptr;  // of the detached root file system
  const sys::Cgroup* cgroup = nullptr;
  std::map<std::string, sys::Fd>* ready_mounts = nullptr;
  bool private_cgroup_namespace = false;
  // File systems that the engine could make are made by the child too, each in its turn, and with
  // the ids of its user namespace: mountinfo then lists them as the config does.
  bool in_order = false;
  bool own_user_namespace = false;  // where mknod is refused: nodes are binds of the host's
  bool own_network = true;          // without one a user namespace may not make a sysfs
};

// Slots that later steps need.
struct MountSlots {
  std::uint32_t proc = kNone;
  std::uint32_t devpts = kNone;
};

// Adds a step pair (make, attach) per mount in the order of the config; fills /dev.
Result<MountSlots> plan_mounts(MountRequest request, PlanBuilder& builder);

// The mount that masks are cut from: "null" (char 1:3) and the directory "empty".
Result<sys::Fd> make_mask_mount();

}  // namespace wherry::runtime
