#include "archive/confine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "base/sanitizer.h"

namespace wherry::archive {
namespace {

// zstd's window of 128 MiB, igzip's tables, the list of directory times.
constexpr rlim_t kMemory = kSanitized ? RLIM_INFINITY : 512ULL << 20;
constexpr rlim_t kDescriptors = 64;

// What comes after the headers of Linux 6.1: since ABI 3 and 5.
constexpr std::uint64_t kLandlockTruncate = 1ULL << 14;
constexpr std::uint64_t kLandlockIoctlDevice = 1ULL << 15;
constexpr std::uint64_t kLandlockFirst = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

constexpr std::uint64_t bit(unsigned capability) {
  return 1ULL << capability;
}
// SYS_ADMIN is what trusted.* xattrs take; seccomp and Landlock leave nothing else to do with it.
constexpr std::uint64_t kKept = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) |
                                bit(CAP_FSETID) | bit(CAP_MKNOD) | bit(CAP_SETFCAP) |
                                bit(CAP_SYS_ADMIN);

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name this architecture for seccomp"
#endif

// The hot ones first; no socket, no exec, no process or thread, no mount, no ptrace, no open of
// anything by another process.
constexpr int kAllowed[] = {SYS_openat,       SYS_pwrite64,       SYS_close,
                            SYS_utimensat,    SYS_read,           SYS_pread64,
                            SYS_openat2,      SYS_mkdirat,        SYS_symlinkat,
                            SYS_linkat,       SYS_mknodat,        SYS_unlinkat,
                            SYS_fchown,       SYS_fchownat,       SYS_fchmod,
                            SYS_fsetxattr,    SYS_ftruncate,      SYS_newfstatat,
                            SYS_fstat,        SYS_fcntl,          SYS_getdents64,
                            SYS_lseek,        SYS_write,          SYS_dup3,
                            SYS_sendmsg,      SYS_recvmsg,        SYS_ppoll,
                            SYS_umask,
#ifdef __SANITIZE_ADDRESS__
                            SYS_pipe2,  // UBSan looks through one whether it may read an object
                            SYS_pipe,
#endif
#ifdef SYS_poll
                            SYS_poll,
#endif
                            SYS_brk,          SYS_mmap,           SYS_munmap,
                            SYS_mremap,       SYS_madvise,        SYS_mprotect,
                            SYS_futex,        SYS_rt_sigprocmask, SYS_rt_sigreturn,
                            SYS_rt_sigaction, SYS_sigaltstack,    SYS_getpid,
                            SYS_gettid,       SYS_geteuid,        SYS_getrandom,
                            SYS_clock_gettime, SYS_sched_yield,   SYS_exit,
                            SYS_exit_group};

Error failed(const char* what) {
  return Error::from_errno(errno, what);
}

Result<> limit_resources() {
  const std::array<std::pair<decltype(RLIMIT_DATA), rlim_t>, 3> limits = {
      {{RLIMIT_DATA, kMemory}, {RLIMIT_NOFILE, kDescriptors}, {RLIMIT_CORE, 0}}};
  for (const auto& [resource, value] : limits) {
    const rlimit limit{value, value};
    if (::setrlimit(resource, &limit) < 0) return failed("set resource limit");
  }
  return {};
}

Result<std::uint64_t> landlock_rights() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 0) return failed("ask for Landlock");
  std::uint64_t rights = kLandlockFirst;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= kLandlockTruncate;
  if (abi >= 5) rights |= kLandlockIoctlDevice;
  return rights;
}

// Before ABI 2 hard links between directories are refused: no Landlock there (Linux < 5.19).
Result<> restrict_files(const sys::Fd& target) {
  const auto rights = landlock_rights();
  if (!rights || (*rights & LANDLOCK_ACCESS_FS_REFER) == 0) return {};
  const landlock_ruleset_attr attributes{.handled_access_fs = *rights};
  const sys::Fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset) return failed("create Landlock rules");
  const landlock_path_beneath_attr below{
      .allowed_access = *rights & ~(LANDLOCK_ACCESS_FS_EXECUTE | kLandlockIoctlDevice),
      .parent_fd = target.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
    return failed("add Landlock rule");
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) < 0) return failed("apply Landlock");
  return {};
}

Result<> change_root(const sys::Fd& target) {
  if (::geteuid() != 0) return {};
  if (::fchdir(target.get()) < 0 || ::chroot(".") < 0) return failed("enter layer");
  return {};
}

Result<> drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) < 0) return failed("read capabilities");
  for (unsigned half = 0; half < 2; ++half) {
    const auto kept = static_cast<std::uint32_t>(kKept >> (32 * half));
    sets[half].permitted &= kept;
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, sets.data()) < 0) return failed("drop capabilities");
  return {};
}

sock_filter statement(unsigned code, std::uint32_t value) {
  return {static_cast<std::uint16_t>(code), 0, 0, value};
}
sock_filter jump_if_equal(std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
  return {BPF_JMP | BPF_JEQ | BPF_K, yes, no, value};
}

Result<> restrict_system_calls() {
  constexpr auto kCount = static_cast<std::uint8_t>(std::size(kAllowed));
  constexpr std::uint8_t kBehindList = 3;  // the instructions about tgkill
  std::vector<sock_filter> program;
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  program.push_back(jump_if_equal(kArchitecture, 1, 0));
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (std::uint8_t i = 0; i < kCount; ++i)
    program.push_back(jump_if_equal(static_cast<std::uint32_t>(kAllowed[i]),
                                    static_cast<std::uint8_t>(kCount - i + kBehindList), 0));
  // abort() raises a signal in this process; in another it would be root's.
  program.push_back(jump_if_equal(SYS_tgkill, 0, 2));
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)));
  program.push_back(jump_if_equal(static_cast<std::uint32_t>(::getpid()), 1, 0));
  // As on a kernel without the call: the C library has a way around some.
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
    return failed("apply seccomp filter");
  return {};
}

}  // namespace

Result<> confine_to(const sys::Fd& target) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return failed("set no_new_privs");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return failed("clear dumpable");
  TRY(limit_resources());
  TRY(restrict_files(target));
  TRY(change_root(target));
  TRY(drop_capabilities());
  return restrict_system_calls();
}

}  // namespace wherry::archive
