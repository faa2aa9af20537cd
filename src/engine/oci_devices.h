// Device nodes of the host as OCI devices: --device and --privileged.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "spec/docker_host_config.h"
#include "spec/oci_runtime.h"

namespace wherry::engine {

struct DeviceSet {
  std::vector<spec::oci::Device> devices;
  std::vector<spec::oci::DeviceRule> rules;
};

// A device, or every device below a directory. An absent or unsuitable path is
// InvalidArgument in docker's words.
Result<DeviceSet> devices_of(const spec::docker::DeviceMapping& mapping);

// Every node below /dev but ptys, shm, mqueue, fd and the console, as --privileged gives.
std::vector<spec::oci::Device> all_host_devices();

// "c 7:* rwm" of --device-cgroup-rule. InvalidArgument in docker's words.
Result<spec::oci::DeviceRule> device_rule(std::string_view text);

}  // namespace wherry::engine
