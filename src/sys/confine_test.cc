// Attempts to escape from inside the filter: each in a child that is confined as the pump and the
// resolver are.
#include "sys/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace wherry::sys {
namespace {

constexpr auto kAllowed = std::to_array<long>({SYS_socket, SYS_tgkill, SYS_getpid, SYS_gettid, SYS_close,
                                               SYS_write, SYS_exit, SYS_exit_group});
constexpr std::array<std::uint32_t, 2> kFamilies{AF_INET, AF_INET6};
constexpr std::array kRules{ArgumentRule{.number = SYS_socket, .values = kFamilies}};

struct Attempt {
  const char* title;
  long (*make)();
  int wanted_errno;
};

void PrintTo(const Attempt& attempt, std::ostream* out) { *out << attempt.title; }

class Confined : public ::testing::TestWithParam<Attempt> {};

TEST_P(Confined, answers) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!allow_only_system_calls(kAllowed, kRules)) ::_exit(255);
    errno = 0;
    const long result = GetParam().make();
    ::_exit(result < 0 ? errno : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), GetParam().wanted_errno);
}

// Asked before the filter forbids it.
const pid_t kParent = ::getpid();

const Attempt kAttempts[] = {
    {"inet_socket", [] { return ::syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0); }, 0},
    {"inet6_socket_with_garbage", [] { return ::syscall(SYS_socket, 0x5a'0000'0000 | AF_INET6, SOCK_DGRAM, 0); }, 0},
    {"unix_socket", [] { return ::syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }, EPERM},
    {"unix_socket_with_garbage", [] { return ::syscall(SYS_socket, 0x2'0000'0000 | AF_UNIX, SOCK_STREAM, 0); }, EPERM},
    {"netlink_socket", [] { return ::syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }, EPERM},
    {"signal_to_itself", [] { return ::syscall(SYS_tgkill, ::getpid(), ::gettid(), 0); }, 0},
    {"signal_to_another", [] { return ::syscall(SYS_tgkill, kParent, kParent, 0); }, EPERM},
    {"kill", [] { return ::syscall(SYS_kill, kParent, 0); }, EPERM},
    {"open", [] { return ::syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY); }, EPERM},
    {"exec", [] { return ::syscall(SYS_execve, "/bin/true", nullptr, nullptr); }, EPERM},
    {"fork", [] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr); }, EPERM},
    {"clone3", [] { return ::syscall(SYS_clone3, nullptr, 0); }, EPERM},
    {"unshare", [] { return ::syscall(SYS_unshare, CLONE_NEWUSER); }, EPERM},
    {"ptrace", [] { return ::syscall(SYS_ptrace, PTRACE_SEIZE, kParent, nullptr, nullptr); }, EPERM},
    {"memory_of_another", [] { return ::syscall(SYS_process_vm_readv, kParent, nullptr, 0, nullptr, 0, 0); }, EPERM},
    {"pidfd", [] { return ::syscall(SYS_pidfd_open, kParent, 0); }, EPERM},
    {"mount", [] { return ::syscall(SYS_mount, "none", "/", "tmpfs", 0, nullptr); }, EPERM},
    {"io_uring", [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }, EPERM},
    {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }, EPERM},
};
INSTANTIATE_TEST_SUITE_P(Escape, Confined, ::testing::ValuesIn(kAttempts),
                         [](const auto& attempt) { return std::string(attempt.param.title); });

}  // namespace
}  // namespace wherry::sys
