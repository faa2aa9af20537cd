// What one start needs besides the record: namespaces to join, the sandbox, the generated
// files, the mounted root. Gathered in the engine, released when the runtime has taken it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/core.h"
#include "engine/oci_config.h"
#include "network/files.h"
#include "network/network.h"
#include "sys/fd.h"

namespace wherry::engine {

struct RunInputs {
  OciContext oci;
  sys::Fd rootfs;                // detached, writable
  sys::Fd network_namespace;     // empty: the host's
  spec::docker::EndpointMap endpoints;
  spec::docker::PortMap ports;
  std::vector<network::HostsEntry> linked_hosts;
  std::map<std::string, sys::Fd> ready_mounts;
  std::vector<sys::Fd> held;     // descriptors behind the paths in oci.join
};

// Takes a network sandbox for the container if its mode has one: release_run() gives it back,
// also after an error.
Result<RunInputs> gather_run_inputs(Core& core, const ContainerRecord& record);

// "container:x" of one of the modes: the target, which must run.
struct JoinTarget {
  ContainerRecord record;
  std::shared_ptr<const sys::Pidfd> pidfd;
  std::int64_t pid = 0;
};
Result<JoinTarget> find_join_target(Core& core, const std::string& name, std::string_view what);

// The cgroup of a run: below --cgroup-parent, or the engine's own parent.
Result<std::string> cgroup_path_of(const Core& core, const ContainerRecord& record);

}  // namespace wherry::engine
