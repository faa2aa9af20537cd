// Docker's default profile for a set of capabilities.
#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/strings.h"
#include "runtime/defaults.h"

namespace wherry::runtime {
namespace {

#include "runtime/seccomp_profile_data.inc"

#if defined(__aarch64__)
constexpr std::string_view kMachine = "arm";
#else
constexpr std::string_view kMachine = "x86";
#endif

void append_names(std::vector<std::string>& names, std::string_view blank_separated) {
  for (const std::string_view name : split(blank_separated, ' '))
    if (!name.empty()) names.emplace_back(name);
}

spec::oci::SeccompRule allow(std::vector<std::string> names) {
  return {.names = std::move(names), .action = "SCMP_ACT_ALLOW", .errno_ret = {}, .args = {}};
}

}  // namespace

spec::oci::Seccomp default_seccomp(const std::vector<std::string>& capabilities) {
  const auto holds = [&](std::string_view name) {
    return std::ranges::find(capabilities, name) != capabilities.end();
  };
  spec::oci::Seccomp profile;
  profile.default_action = "SCMP_ACT_ERRNO";
  profile.default_errno_ret = EPERM;
  profile.architectures = kMachine == "x86"
                              ? std::vector<std::string>{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"}
                              : std::vector<std::string>{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
  std::vector<std::string> names(std::begin(kAlways), std::end(kAlways));
  for (const CapabilityRule& rule : kByCapability)
    if (holds(rule.capability)) append_names(names, rule.names);
  for (const MachineRule& rule : kByMachine)
    if (rule.machine == kMachine) append_names(names, rule.names);
  profile.syscalls.push_back(allow(std::move(names)));
  for (const ArgumentRule& rule : kByArgument) {
    auto conditional = allow({std::string(rule.name)});
    conditional.args.push_back(
        {.index = 0, .value = rule.value, .value_two = 0, .op = std::string(rule.op)});
    profile.syscalls.push_back(std::move(conditional));
  }
  if (holds("CAP_SYS_ADMIN")) return profile;
  auto clone = allow({"clone"});
  clone.args.push_back({.index = 0,
                        .value = kCloneNamespaceFlags,
                        .value_two = 0,
                        .op = "SCMP_CMP_MASKED_EQ"});
  profile.syscalls.push_back(std::move(clone));
  profile.syscalls.push_back({.names = {"clone3"},
                              .action = "SCMP_ACT_ERRNO",
                              .errno_ret = ENOSYS,
                              .args = {}});
  return profile;
}

}  // namespace wherry::runtime
