// Part of child.cc and under its rules: raw calls between clone and exec, nothing allocated. What
// the process may do: user, groups, capabilities, filter, limits, descriptors.
#pragma once

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "runtime/child_hooks.h"

namespace wherry::runtime::after_clone {

// An O_PATH descriptor without magic links cannot lead out (CVE-2024-21626); getcwd then says
// whether the directory is reachable from the root that the program will have.
inline int enter_directory(const Child& child, const Step& step) {
  const int directory =
      open_below(child.root, child.text(step.text), O_PATH | O_DIRECTORY, in_root(0));
  if (directory < 0) return errno;
  const int error = result_of(::fchdir(directory));
  ::close(directory);
  if (error != 0) return error;
  char path[PATH_MAX];
  if (::syscall(SYS_getcwd, path, sizeof path) < 0) return errno;
  return path[0] == '/' ? 0 : ENOENT;
}

// SIG_DFL by the raw call: glibc's wrapper refuses its own two real-time signals.
inline int reset_signals() {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    std::uint64_t mask;
  } action{};
  for (int number = 1; number < 65; ++number) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    if (::syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask) < 0)
      return errno;
  }
  const std::uint64_t none = 0;
  return result_of(::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none));
}

inline int keep_bounding(const Step& step) {
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((step.a >> capability & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    return errno == EINVAL ? 0 : errno;  // past the last one of this kernel
  }
  return 0;
}

inline int set_capabilities(std::uint64_t effective, std::uint64_t permitted,
                     std::uint64_t inheritable) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  for (unsigned half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(effective >> (32 * half));
    data[half].permitted = static_cast<std::uint32_t>(permitted >> (32 * half));
    data[half].inheritable = static_cast<std::uint32_t>(inheritable >> (32 * half));
  }
  return result_of(::syscall(SYS_capset, &header, data));
}

// After setresuid to another user the permitted set stays (KEEPCAPS) and the effective one is
// empty: raise it again, loading a filter without no_new_privs needs CAP_SYS_ADMIN.
inline int raise_effective() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) < 0) return errno;
  data[0].effective = data[0].permitted;
  data[1].effective = data[1].permitted;
  return result_of(::syscall(SYS_capset, &header, data));
}

// Raw calls: glibc's would signal the other threads of the parent's pthread library.
inline int set_user(const Child& child, const Step& step) {
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return errno;
  const auto& groups = child.plan.groups;
  if (::syscall(SYS_setgroups, groups.size(), groups.data()) < 0) return errno;
  const auto gid = static_cast<gid_t>(step.b);
  if (::syscall(SYS_setresgid, gid, gid, gid) < 0) return errno;
  const auto uid = static_cast<uid_t>(step.a);
  if (::syscall(SYS_setresuid, uid, uid, uid) < 0) return errno;
  if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return errno;
  // setresuid may have made the process dumpable anew.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return errno;
  return raise_effective();
}

inline int set_ambient(const Step& step) {
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((step.a >> capability & 1) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return errno;
  }
  return 0;
}

// Who asked for a listener gets its number before any call can be held up.
inline int load_seccomp(const Child& child, const Step& step) {
  const std::string& filter = child.plan.seccomp;
  sock_fprog program{};
  program.len = static_cast<unsigned short>(filter.size() / sizeof(sock_filter));
  program.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(filter.data()));
  const long loaded = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, step.a, &program);
  if (loaded < 0 || (step.a & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0) return result_of(loaded);
  const Word word{.say = Say::Listener, .failure = {.index = static_cast<std::uint32_t>(loaded)}};
  if (::write(child.channel, &word, sizeof word) != sizeof word) return errno;
  const int error = await_launcher(child, Step{});
  ::close(static_cast<int>(loaded));  // whoever sees this process next has no use for it
  return error;
}

inline int set_rlimit(const Step& step) {
  const rlimit limit{.rlim_cur = step.b, .rlim_max = step.c};
  return result_of(::syscall(SYS_prlimit64, 0, static_cast<int>(step.a), &limit, nullptr));
}

// Closes everything after the kept ones but the channel and the two ends of a detached start.
inline int keep_fds(const Child& child, const Step& step) {
  int kept[4] = {child.channel,
                 child.plan.go == kNone ? -1 : child.slot(child.plan.go),
                 child.plan.late_report == kNone ? -1 : child.slot(child.plan.late_report), -1};
  auto first = static_cast<unsigned>(3 + step.a);
  for (unsigned number = 3; number < first; ++number)
    ::fcntl(static_cast<int>(number), F_SETFD, 0);
  while (true) {
    unsigned next = ~0U;
    for (const int fd : kept)
      if (fd >= 0 && static_cast<unsigned>(fd) >= first && static_cast<unsigned>(fd) < next)
        next = static_cast<unsigned>(fd);
    if (next > first && ::syscall(SYS_close_range, first, next - (next == ~0U ? 0 : 1), 0) < 0)
      return errno;
    if (next == ~0U) return 0;
    first = next + 1;
  }
}

}  // namespace wherry::runtime::after_clone
