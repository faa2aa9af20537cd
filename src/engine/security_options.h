// --security-opt: what docker's values mean.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "spec/oci_runtime.h"

namespace wherry::engine {

struct SecurityOptions {
  bool no_new_privileges = false;
  bool seccomp_unconfined = false;
  std::optional<std::string> seccomp_profile;  // docker's JSON form; none: our default
  bool unmask_system_paths = false;            // systempaths=unconfined
};

// Values in docker's forms, "key=value" or the older "key:value". AppArmor and label
// options are accepted where, as docker does, they have no effect for want of the LSM;
// where the host has AppArmor only `unconfined` is (NotImplemented otherwise).
Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options,
                                               bool host_has_apparmor);

// A profile in docker's format (includes, excludes, archMap) decided for one container and
// this machine.
struct ProfileContext {
  std::vector<std::string> capabilities;  // bounding set
  std::string architecture;               // Go's name: amd64
  int kernel_major = 0;
  int kernel_minor = 0;
};
ProfileContext profile_context_of_host(std::vector<std::string> capabilities);
Result<spec::oci::Seccomp> parse_seccomp_profile(const std::string& json,
                                                 const ProfileContext& context);

}  // namespace wherry::engine
