// What lies in a container's /dev: the nodes that every OCI runtime makes, those of the config,
// the links to /proc/self/fd. Made before the clone through a descriptor of the directory, so
// that nothing of an image decides where a node goes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/plan_builder.h"
#include "spec/oci_runtime.h"
#include "sys/fd.h"

namespace wherry::runtime {

struct DeviceNodesRequest {
  const spec::oci::Config* config = nullptr;
  bool terminal = false;  // makes the empty file that /dev/console's mount covers
};

// `dev` is the directory itself: a fresh tmpfs, or the image's own /dev, in which an existing
// node of the same kind and number is taken and anything else is Conflict.
Result<> make_device_nodes(const sys::Fd& dev, const DeviceNodesRequest& request);

// The same as steps of the child, for a /dev that it makes itself.
struct PlannedDev {
  std::uint32_t dev = kNone;  // slot of the file system, attached at /dev
  bool by_bind = false;       // binds of the host's nodes in place of new ones
};
Result<> plan_device_nodes(const DeviceNodesRequest& request, PlannedDev where, PlanBuilder& builder);

// Nodes of the config outside of /dev, below the root file system.
Result<> make_foreign_device_nodes(const sys::Fd& root, const spec::oci::Config& config);

}  // namespace wherry::runtime
