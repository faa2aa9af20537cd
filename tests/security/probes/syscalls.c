// Calls every system call number with arguments that none can use, each in a child of its own, and
// prints "ABI NUMBER ANSWER" per call: the errno, 0, or "died" where the child did not come back
// (exit, pause and the like: the call was made). ABI: 64, 32 (int 0x80), x32.
//
//   syscalls all HIGHEST          every number 0..HIGHEST
//   syscalls one ABI NUMBER ARG0 ARG1 ARG2
//   syscalls socketcall FAMILY    socket() the way of 32-bit programs: its arguments are in memory
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kNotBack = 99999, kTurn_ms = 10, kTurns = 3000 };

static long call_64(long number, unsigned long a, unsigned long b, unsigned long c) {
  long result;
  register unsigned long d __asm__("r10") = ~0UL, e __asm__("r8") = ~0UL, f __asm__("r9") = ~0UL;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(d), "r"(e), "r"(f)
                   : "rcx", "r11", "memory");
  return result;
}

static long call_32(long number, unsigned long a, unsigned long b, unsigned long c) {
  long result;
  __asm__ volatile("push %%rbp\n\tmov $-1, %%ebp\n\tint $0x80\n\tpop %%rbp"
                   : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(~0UL), "D"(~0UL)
                   : "r8", "r9", "r10", "r11", "memory");
  return (int)result;
}

struct Call {
  const char* abi;
  long number;
  unsigned long a, b, c;
};

static long make(struct Call call) {
  if (strcmp(call.abi, "32") == 0) return call_32(call.number, call.a, call.b, call.c);
  if (strcmp(call.abi, "x32") == 0) call.number |= 0x40000000;
  return call_64(call.number, call.a, call.b, call.c);
}

// pause and sigsuspend: there is nothing to wait for.
static int never_returns(struct Call call) {
  if (strcmp(call.abi, "32") == 0) return call.number == 29 || call.number == 72;
  return call.number == SYS_pause;
}

// The answer comes through shared memory: a fork or vfork that works writes it twice.
static int answer(struct Call call) {
  volatile int* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *shared = kNotBack;
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    const long result = make(call);
    *shared = result < 0 && result > -4096 ? (int)-result : 0;
    _exit(0);
  }
  const int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
  struct pollfd one = {.fd = pidfd, .events = POLLIN};
  const int turns = never_returns(call) ? 20 : kTurns;
  for (int turn = 0; *shared == kNotBack && turn < turns; ++turn)
    if (poll(&one, 1, kTurn_ms) == 1) break;
  // A child that has its answer needs no more time; one that waits in the call gets none.
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  close(pidfd);
  const int result = *shared;
  munmap((void*)shared, 4096);
  return result;
}

static void report(struct Call call) {
  const int result = answer(call);
  if (result == kNotBack) printf("%s %ld died\n", call.abi, call.number);
  else printf("%s %ld %d\n", call.abi, call.number, result);
}

static void call_all(long highest) {
  const char* abis[] = {"64", "32", "x32"};
  for (int i = 0; i < 3; ++i)
    for (long number = 0; number <= highest; ++number) {
      // sync has no argument to spoil, and would wait for every disk of the host.
      if (number == (i == 1 ? 36 : 162)) continue;
      report((struct Call){abis[i], number, ~0UL, ~0UL, ~0UL});
    }
}

static int socketcall(unsigned family) {
  unsigned* arguments = mmap((void*)0x10000000, 4096, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (arguments == MAP_FAILED) return 2;
  arguments[0] = family, arguments[1] = 1, arguments[2] = 0;
  const long result = call_32(102, 1, (unsigned long)arguments, 0);
  printf("%ld\n", result < 0 ? -result : 0);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "all") == 0) call_all(atol(argv[2]));
  else if (argc == 3 && strcmp(argv[1], "socketcall") == 0) return socketcall((unsigned)atol(argv[2]));
  else if (argc == 7)
    report((struct Call){argv[2], atol(argv[3]), strtoul(argv[4], NULL, 0), strtoul(argv[5], NULL, 0),
                         strtoul(argv[6], NULL, 0)});
  else return 2;
  return 0;
}
