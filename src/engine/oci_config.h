// A container's record -> the OCI configuration that the runtime starts. Pure but for the
// device nodes of the host that the request names; every rule of docker's is in one table of
// small functions here, so that it can be tested without starting anything.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/container_record.h"
#include "engine/security_options.h"
#include "runtime/user.h"
#include "spec/oci_runtime.h"
#include "sys/cgroup.h"

namespace wherry::engine {

struct OciContext {
  sys::CgroupMode cgroup_mode = sys::CgroupMode::None;
  runtime::ResolvedUser user;
  std::string directory;          // holds hostname, hosts, resolv.conf
  std::string hostname;           // effective: the host's own with --uts or --network host
  std::vector<std::string> link_environment;  // before the container's own variables
  std::string init_program;       // path of wherry-init
  bool own_network = true;        // false: host's or another container's
  // Paths of namespaces to join, by OCI name ("network", "pid", "ipc"); "host" modes have none
  // and are left out of the configuration instead.
  std::map<std::string, std::string> join;
  bool host_has_apparmor = false;
};

Result<spec::oci::Config> make_oci_config(const ContainerRecord& record, const OciContext& context);

// The environment of a process in the container: docker's own variables, then `config_env`,
// then `extra`; an entry without '=' removes one. HOME comes from the user's passwd line
// unless it is set.
struct EnvironmentRequest {
  std::string hostname;
  bool tty = false;
  std::vector<std::string> config_env;
  std::vector<std::string> extra;
  std::string home;
};
std::vector<std::string> make_environment(const EnvironmentRequest& request);

// Capabilities of the container's processes by --cap-add, --cap-drop and --privileged.
Result<std::vector<std::string>> capabilities_of(const spec::docker::HostConfig& host_config);
// docker keeps effective and permitted for root only, as execve would.
spec::oci::Capabilities capability_sets(const std::vector<std::string>& names, std::uint32_t uid);

// --ulimit, with -1 as the kernel's infinity.
std::vector<spec::oci::Rlimit> rlimits_of(const spec::docker::HostConfig& host_config);

// The filter of the container's processes; nullopt: none.
Result<std::optional<spec::oci::Seccomp>> seccomp_of(const ContainerRecord& record,
                                                     bool host_has_apparmor);

// The limits as the runtime takes them, without device rules.
spec::oci::Resources resources_of(const spec::docker::HostConfig& host_config);

}  // namespace wherry::engine
