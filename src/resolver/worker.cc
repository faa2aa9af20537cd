// `wherryd --resolver`: all that the process is, and what it gives up.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/log.h"
#include "base/sanitizer.h"
#include "base/time.h"
#include "resolver/resolver.h"
#include "resolver/server.h"
#include "sys/confine.h"

namespace wherry::resolver {
namespace {

// 65,536 containers with their tables fit, and caches of as many as a host runs.
constexpr rlim_t kMemory = kSanitized ? RLIM_INFINITY : 512ULL << 20;

// No file, no process, no namespace: sockets, the loop, memory and the clock.
constexpr auto kAllowed = std::to_array<long>({
    SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_socket, SYS_connect, SYS_accept4,
    SYS_getsockopt, SYS_setsockopt, SYS_close, SYS_fcntl, SYS_write,
    SYS_epoll_pwait, SYS_epoll_ctl, SYS_clock_gettime, SYS_gettimeofday,
#if defined(SYS_epoll_wait)
    SYS_epoll_wait,
#endif
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_futex,
    SYS_getrandom, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall,
    SYS_getpid, SYS_gettid, SYS_geteuid, SYS_tgkill, SYS_sigaltstack, SYS_exit, SYS_exit_group});

// Towards upstream servers. A unix socket would lead to the engine's API, where this user is root.
constexpr std::array<std::uint32_t, 2> kFamilies{AF_INET, AF_INET6};
constexpr std::array kRules{sys::ArgumentRule{.number = SYS_socket, .values = kFamilies}};

Result<> confine() {
  for (const auto& [resource, value] :
       {std::pair{RLIMIT_DATA, kMemory}, std::pair{RLIMIT_CORE, rlim_t{0}}}) {
    const rlimit limit{value, value};
    if (::setrlimit(resource, &limit) < 0) return Error::from_errno(errno, "set resource limit");
  }
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return Error::from_errno(errno, "clear dumpable");
  TRY(sys::drop_all_capabilities());
  return sys::allow_only_system_calls(kAllowed, kRules);
}

Result<> serve() {
  auto loop = TRY(io::Loop::create());
  const auto server = TRY(Server::create(*loop, sys::Fd(kListenFd)));
  // Whatever the C library reads for the first log line, it reads now.
  static_cast<void>(format_rfc3339_nano(now()));
  TRY_AS("confine resolver", confine());
  return loop->run();
}

}  // namespace

int run_resolver_worker() {
  ::signal(SIGPIPE, SIG_IGN);
  const auto served = serve();
  if (!served) log::error("resolver: {}", served.error().message());
  return served ? 0 : 1;
}

}  // namespace wherry::resolver
