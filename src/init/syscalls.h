// The handful of system calls that wherry-init needs, without a C library: a static glibc
// alone is eight times the size that this program may have. Linux x86-64 and arm64. Every
// call returns what the kernel returns: -errno on failure.
#pragma once

#include <asm/unistd.h>

namespace wherry::init {

#if defined(__x86_64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  long result = 0;
  register long fourth asm("r10") = d;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(0L)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  register long eighth asm("x8") = number;
  register long first asm("x0") = a;
  register long second asm("x1") = b;
  register long third asm("x2") = c;
  register long fourth asm("x3") = d;
  register long fifth asm("x4") = 0;
  asm volatile("svc 0"
               : "+r"(first)
               : "r"(eighth), "r"(second), "r"(third), "r"(fourth), "r"(fifth)
               : "memory");
  return first;
}
#else
#error "add the system call convention of this machine"
#endif

inline long address(const void* pointer) { return reinterpret_cast<long>(pointer); }

using SignalSet = unsigned long;  // the kernel's sigset_t: bit n-1 is signal n
constexpr long kSignalSetBytes = sizeof(SignalSet);
constexpr SignalSet signal_bit(int number) { return 1UL << (number - 1); }

[[noreturn]] inline void leave(int code) {
  for (;;) call(__NR_exit_group, code);
}

}  // namespace wherry::init
