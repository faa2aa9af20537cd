// Part of child.cc and under its rules: raw calls between clone and exec, nothing allocated. The
// conversation with the launcher, and the hooks that run here.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "runtime/child_paths.h"
#include "runtime/launch.h"

namespace wherry::runtime::after_clone {

// Before it ends a launcher that asked to be told runs hooks; one that writes id maps does so
// unasked. End of file: it is gone, and nobody knows this process.
inline int await_launcher(const Child& child, const Step& step) {
  Word word{.say = Say::Waiting, .failure = {}};
  if (step.a != 0 && ::write(child.channel, &word, sizeof word) != sizeof word) return errno;
  ssize_t length = -1;
  do length = ::read(child.channel, &word, sizeof word);
  while (length < 0 && errno == EINTR);
  if (length < 0) return errno;
  if (length != sizeof word || word.say != Say::Go) ::_exit(1);
  return 0;
}

// From here on a container sees this process, with the rights and descriptors that its program will
// have: what came before was done by a process outside of its pid namespace. That one names its child
// to the launcher, whose child both are, and ends.
inline int enter_pid_namespace(const Child& child) {
  const long pid = ::syscall(SYS_clone, kBirthFlags, nullptr, nullptr, nullptr, nullptr);
  if (pid <= 0) return pid < 0 ? errno : 0;
  const Word word{.say = Say::Born, .failure = {.index = static_cast<std::uint32_t>(pid)}};
  ::_exit(::write(child.channel, &word, sizeof word) == sizeof word ? 0 : 1);
}

// Raw calls, as in set_user. The maps name ids of the launcher's namespace; until here this
// process has none of them.
inline int become_root() {
  if (::syscall(SYS_setgroups, 0, nullptr) < 0) return errno;
  if (::syscall(SYS_setresgid, 0, 0, 0) < 0) return errno;
  if (::syscall(SYS_setresuid, 0, 0, 0) < 0) return errno;
  return result_of(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

// The state with our pid as this namespace counts, in a file that the hook may read when it likes.
inline int hook_state(const Child& child, std::uint32_t first) {
  const int file = ::memfd_create("state", MFD_CLOEXEC);
  if (file < 0) return -1;
  char digits[16];
  std::size_t at = sizeof digits;
  for (long pid = ::syscall(SYS_getpid); pid > 0; pid /= 10) digits[--at] = static_cast<char>('0' + pid % 10);
  const iovec parts[3] = {
      {.iov_base = const_cast<char*>(child.text(first)), .iov_len = child.plan.strings[first].size()},
      {.iov_base = digits + at, .iov_len = sizeof digits - at},
      {.iov_base = const_cast<char*>(child.text(first + 1)), .iov_len = child.plan.strings[first + 1].size()}};
  if (::writev(file, parts, 3) < 0 || ::lseek(file, 0, SEEK_SET) < 0) return -1;
  return file;
}

[[noreturn]] inline void hook_main(const Child& child, const Step& step, int state) {
  const char* words[kMaximumHookWords + 2];
  std::size_t count = 0;
  for (std::uint64_t i = 0; i < step.a + step.b; ++i) {
    if (i == step.a) words[count++] = nullptr;
    words[count++] = child.text(step.text + 3 + static_cast<std::uint32_t>(i));
  }
  if (step.b == 0) words[count++] = nullptr;
  words[count] = nullptr;
  if (step.text2 != kNone && ::chdir(child.text(step.text2)) < 0) ::_exit(127);
  if (::dup3(state, 0, 0) == 0 && ::syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
    ::execve(child.text(step.text), const_cast<char* const*>(words),
             const_cast<char* const*>(words + step.a + 1));
  ::_exit(127);
}

// ETIME for one that took too long (and was killed), ECHILD for one that failed.
inline int await_hook(int pidfd, const Step& step) {
  pollfd one{.fd = pidfd, .events = POLLIN, .revents = 0};
  const int timeout_ms = step.c == 0 ? -1 : static_cast<int>(step.c) * 1000;
  const int ready = ::poll(&one, 1, timeout_ms);
  if (ready == 0) ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) < 0) return errno;
  if (ready == 0) return ETIME;
  return info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : ECHILD;
}

// clone, not clone3: filters of containers answer that one with ENOSYS.
inline int run_hook(const Child& child, const Step& step) {
  const int state = hook_state(child, step.text + 1);
  if (state < 0) return errno;
  int pidfd = -1;
  const long pid = ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  if (pid == 0) hook_main(child, step, state);
  const int error = pid < 0 ? errno : await_hook(pidfd, step);
  close_fd(pidfd);
  ::close(state);
  return error;
}

// read and write alone are used once a filter is loaded: every profile allows them.
inline int say_ready(const Child& child) {
  const Word word{.say = Say::Ready, .failure = {}};
  return ::write(child.channel, &word, sizeof word) == sizeof word ? 0 : errno;
}

// End of file: whoever started us is gone, and nobody knows this process.
inline int wait_for_go(Child& child, const Step& step) {
  const int from = step.fd == kNone ? child.channel : child.slot(step.fd);
  Word word{};
  ssize_t length = -1;
  do length = ::read(from, &word, sizeof word);
  while (length < 0 && errno == EINTR);
  if (length < 0) return errno;
  if (length != sizeof word || word.say != Say::Go) ::_exit(1);
  if (child.plan.late_report != kNone) {
    ::close(child.channel);
    child.channel = child.slot(child.plan.late_report);
  }
  return 0;
}

inline int execute(const Child& child) {
  ::execve(child.program, child.input.argv, child.input.envp);
  return errno;
}

}  // namespace wherry::runtime::after_clone
