// wherry-init: the first process of a container started with --init, in the place of docker's
// tini. Runs one program, forwards every signal to it, reaps every orphan, and ends with the
// program's exit code (128 + n after signal n). Free-standing: no C library, no allocation.
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/prctl.h>
#include <linux/wait.h>

#include "init/syscalls.h"

namespace wherry::init {
namespace {

constexpr int kPathBytes = 4096;
constexpr int kNotFound = 127;
constexpr int kCannotRun = 126;

unsigned long length(const char* text) {
  unsigned long count = 0;
  while (text[count] != '\0') ++count;
  return count;
}

bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

bool has_slash(const char* text) {
  for (; *text != '\0'; ++text)
    if (*text == '/') return true;
  return false;
}

void say(int fd, const char* text) {
  call(__NR_write, fd, address(text), static_cast<long>(length(text)));
}

const char* path_of(char** environment) {
  constexpr char kName[] = "PATH=";
  for (char** entry = environment; *entry != nullptr; ++entry) {
    int i = 0;
    while (i < 5 && (*entry)[i] == kName[i]) ++i;
    if (i == 5) return *entry + 5;
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// "<first piece of path>/<name>"; false if it does not fit. `path` moves behind the piece.
bool next_candidate(const char*& path, const char* name, char (&candidate)[kPathBytes]) {
  int used = 0;
  bool fits = true;
  const auto put = [&](char c) {
    if (used < kPathBytes - 1) candidate[used++] = c;
    else fits = false;
  };
  if (*path == ':' || *path == '\0') put('.');
  while (*path != ':' && *path != '\0') put(*path++);
  if (*path == ':') ++path;
  put('/');
  while (*name != '\0') put(*name++);
  candidate[used] = '\0';
  return fits;
}

// execvp(3). Returns the errno that tells most: a file that may not run beats a missing one.
long execute(char** argv, char** environment) {
  if (has_slash(argv[0]))
    return -call(__NR_execve, address(argv[0]), address(argv), address(environment));
  static char candidate[kPathBytes];
  long worst = ENOENT;
  const char* path = path_of(environment);
  do {
    if (!next_candidate(path, argv[0], candidate)) continue;
    const long error =
        -call(__NR_execve, address(candidate), address(argv), address(environment));
    if (error != ENOENT && error != ENOTDIR) worst = error;
  } while (*path != '\0');
  return worst;
}

void ignore(int number) {
  // The kernel's struct sigaction; SIG_IGN is 1.
  struct {
    unsigned long handler, flags, restorer;
    SignalSet mask;
  } action = {1, 0, 0, 0};
  call(__NR_rt_sigaction, number, address(&action), 0, kSignalSetBytes);
}

void restore_default(int number) {
  struct {
    unsigned long handler, flags, restorer;
    SignalSet mask;
  } action = {0, 0, 0, 0};
  call(__NR_rt_sigaction, number, address(&action), 0, kSignalSetBytes);
}

[[noreturn]] void run_program(char** argv, char** environment, const SignalSet& mask) {
  // A process group of its own, in front of the terminal if there is one: job control.
  call(__NR_setpgid, 0, 0);
  const int group = static_cast<int>(call(__NR_getpid));
  call(__NR_ioctl, 0, TIOCSPGRP, address(&group));
  restore_default(SIGTTIN);
  restore_default(SIGTTOU);
  call(__NR_rt_sigprocmask, SIG_SETMASK, address(&mask), 0, kSignalSetBytes);
  const long error = execute(argv, environment);
  say(2, "docker-init: exec ");
  say(2, argv[0]);
  say(2, error == ENOENT ? ": no such file or directory\n"
         : error == EACCES ? ": permission denied\n"
                           : ": cannot execute\n");
  leave(error == ENOENT ? kNotFound : kCannotRun);
}

int exit_code(int status) {
  const int signal = status & 0x7f;
  return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
}

// Reaps everything that has ended. Returns at the end of `program`: its exit code, else -1.
int reap_all(long program) {
  for (;;) {
    int status = 0;
    const long pid = call(__NR_wait4, -1, address(&status), WNOHANG, 0);
    if (pid == -EINTR) continue;
    if (pid == -ECHILD) return 0;  // the program was reaped by nobody: cannot happen
    if (pid <= 0) return -1;
    if (pid == program) return exit_code(status);
  }
}

// Signals that our own faults raise stay deadly; everything else is for the program.
constexpr SignalSet kForwarded =
    ~(signal_bit(SIGFPE) | signal_bit(SIGILL) | signal_bit(SIGSEGV) | signal_bit(SIGBUS) |
      signal_bit(SIGABRT) | signal_bit(SIGTRAP) | signal_bit(SIGSYS) | signal_bit(SIGTTIN) |
      signal_bit(SIGTTOU));

[[noreturn]] void supervise(long program) {
  const SignalSet waited = kForwarded;
  for (;;) {
    const long number = call(__NR_rt_sigtimedwait, address(&waited), 0, 0, kSignalSetBytes);
    if (number < 0) continue;
    if (number != SIGCHLD) {
      call(__NR_kill, program, number);
      continue;
    }
    if (const int code = reap_all(program); code >= 0) leave(code);
  }
}

[[noreturn]] void run(char** argv, char** environment) {
  ++argv;
  if (*argv != nullptr && (equal(*argv, "--version") || equal(*argv, "-h"))) {
    say(1, "wherry-init " WHERRY_VERSION "\n");
    leave(0);
  }
  if (*argv != nullptr && equal(*argv, "--")) ++argv;
  if (*argv == nullptr) {
    say(2, "usage: docker-init [--] program [argument...]\n");
    leave(1);
  }
  SignalSet before = 0;
  const SignalSet blocked = kForwarded;
  call(__NR_rt_sigprocmask, SIG_SETMASK, address(&blocked), address(&before), kSignalSetBytes);
  ignore(SIGTTIN);
  ignore(SIGTTOU);
  // Orphans come to us even where we are not process 1 (--pid=host).
  call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1);
  const long program = call(__NR_clone, SIGCHLD, 0, 0, 0);
  if (program == 0) run_program(argv, environment, before);
  if (program < 0) {
    say(2, "docker-init: cannot fork\n");
    leave(1);
  }
  supervise(program);
}

}  // namespace
}  // namespace wherry::init

// The stack as execve(2) leaves it: count, arguments, null, environment, null.
extern "C" [[noreturn]] void wherry_init_main(long* stack) {
  const long count = *stack;
  char** argv = reinterpret_cast<char**>(stack + 1);
  wherry::init::run(argv, argv + count + 1);
}

#if defined(__x86_64__)
asm(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call wherry_init_main\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start: mov x29, #0\n mov x30, #0\n mov x0, sp\n and sp, x0, #-16\n bl wherry_init_main\n");
#endif
