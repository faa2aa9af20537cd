// What the pump gives up. Its list of system calls is short enough to be read in full.
#include <sys/syscall.h>

#include <array>

#include "keeperd/pump.h"
#include "sys/confine.h"

namespace wherry::keeperd {
namespace {

constexpr auto kAllowed = std::to_array<long>({
    // streams and sockets
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_recvfrom, SYS_recvmsg,
    SYS_sendto, SYS_sendmsg, SYS_shutdown, SYS_accept4, SYS_getsockopt, SYS_close, SYS_fcntl,
    // log files: below directory descriptors that the keeper gave
    SYS_openat, SYS_fstat, SYS_newfstatat, SYS_ftruncate, SYS_lseek, SYS_renameat, SYS_renameat2,
    SYS_unlinkat, SYS_dup, SYS_dup3,
    // loop and clock
    SYS_epoll_pwait, SYS_epoll_ctl, SYS_clock_gettime, SYS_gettimeofday,
#if defined(SYS_epoll_wait)
    SYS_epoll_wait,
#endif
#if defined(SYS_rename)
    SYS_rename, SYS_unlink,
#endif
    // memory, and the C library's own needs up to abort()
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_futex,
    SYS_getrandom, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall,
    SYS_getpid, SYS_gettid, SYS_geteuid, SYS_tgkill, SYS_sigaltstack, SYS_exit, SYS_exit_group});

}  // namespace

Result<> confine_pump() {
  TRY(sys::drop_all_capabilities());
  return sys::allow_only_system_calls(kAllowed);
}

}  // namespace wherry::keeperd
