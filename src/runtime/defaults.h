// Docker 29's defaults as data: what a container gets when nobody asks for anything else. The
// engine starts from `default_config` and changes what the request says.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "spec/oci_runtime.h"
#include "sys/cgroup.h"

namespace wherry::runtime {

// The 14 capabilities of an unprivileged container, "CAP_CHOWN" ...
std::vector<std::string> default_capabilities();
// Every capability that this kernel knows and this process may pass on (--privileged).
std::vector<std::string> all_capabilities();
// docker's --cap-add / --cap-drop: names with or without "CAP_", any case, "ALL". Drops first
// from the defaults, then adds, as docker does. InvalidArgument: `invalid CapAdd: unknown
// capability: "CAP_X"`.
Result<std::vector<std::string>> tweak_capabilities(const std::vector<std::string>& add,
                                                    const std::vector<std::string>& drop);

// /proc, /dev, /dev/pts, /sys, /sys/fs/cgroup, /dev/mqueue, /dev/shm, in that order.
std::vector<spec::oci::Mount> default_mounts(std::uint64_t shm_size_bytes);
inline constexpr std::uint64_t kDefaultShmBytes = 64U << 20;

// With each existing .../cpuN/thermal_throttle.
std::vector<std::string> default_masked_paths();
std::vector<std::string> default_readonly_paths();
// deny all, allow the default set (runc's implicit rules included).
std::vector<spec::oci::DeviceRule> default_device_rules();
// ping_group_range and ip_unprivileged_port_start; only with a network namespace of its own.
std::map<std::string, std::string> default_sysctls();

// mount, network, uts, pid, ipc; cgroup where the host is pure v2 (docker's default mode).
std::vector<spec::oci::Namespace> default_namespaces(sys::CgroupMode mode);

// Docker's seccomp profile, its capability and architecture rules already decided for
// `capabilities` (bounding set).
spec::oci::Seccomp default_seccomp(const std::vector<std::string>& capabilities);

// All of the above: a runnable config but for process.args, process.env, process.cwd and root.
spec::oci::Config default_config(sys::CgroupMode mode);

}  // namespace wherry::runtime
