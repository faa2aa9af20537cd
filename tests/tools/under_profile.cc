// Runs a program as it would run in a place that forbids more than this host does:
//
//   under_profile docker PROGRAM [ARGUMENTS...]        docker's capabilities and seccomp profile
//   under_profile no-nf-tables PROGRAM [ARGUMENTS...]  netfilter's netlink is not there
//
// The filters are compiled by the runtime library, as those of containers are.
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "runtime/defaults.h"
#include "runtime/seccomp.h"
#include "sys/capability.h"

namespace wherry {
namespace {

int fail(std::string_view what) {
  fmt::print(stderr, "under_profile: {}: {}\n", what, std::strerror(errno));
  return 125;
}

// As a kernel without CONFIG_NF_TABLES and CONFIG_NETFILTER_NETLINK answers.
spec::oci::Seccomp without_netfilter() {
  spec::oci::Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.architectures = {"SCMP_ARCH_X86_64"};
  spec::oci::SeccompRule rule;
  rule.names = {"socket"};
  rule.action = "SCMP_ACT_ERRNO";
  rule.errno_ret = EPROTONOSUPPORT;
  rule.args = {{.index = 0, .value = AF_NETLINK, .op = "SCMP_CMP_EQ"},
               {.index = 2, .value = NETLINK_NETFILTER, .op = "SCMP_CMP_EQ"}};
  profile.syscalls = {rule};
  return profile;
}

// What is dropped from the bounding set is gone after exec, even for root.
bool keep_capabilities(const std::vector<std::string>& kept) {
  for (unsigned number = 0; !sys::capability_name(number).empty(); ++number) {
    const std::string name(sys::capability_name(number));
    if (std::ranges::find(kept, name) != kept.end()) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0 && errno != EINVAL) return false;
  }
  return true;
}

int run(std::string_view place, char** command) {
  const bool docker = place == "docker";
  if (!docker && place != "no-nf-tables") return fail("docker or no-nf-tables");
  const auto kept = runtime::default_capabilities();
  const auto filter =
      runtime::compile_seccomp(docker ? runtime::default_seccomp(kept) : without_netfilter());
  if (!filter) return fail(filter.error().message());
  if (docker && !keep_capabilities(kept)) return fail("capabilities");
  std::string program = filter->program;
  const sock_fprog loaded = {
      .len = static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
      .filter = reinterpret_cast<sock_filter*>(program.data())};
  // Without this only CAP_SYS_ADMIN may filter, which has gone.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail("no_new_privs");
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) < 0) return fail("seccomp");
  ::execv(command[0], command);
  return fail(command[0]);
}

}  // namespace
}  // namespace wherry

int main(int argc, char** argv) {
  if (argc >= 3) return wherry::run(argv[1], argv + 2);
  fmt::print(stderr, "usage: under_profile docker|no-nf-tables PROGRAM [ARGUMENTS...]\n");
  return 125;
}
