// Part of child.cc and under its rules: raw calls between clone and exec, nothing allocated. How the
// processors and the memory of the process are shared out. Every function gives 0 or an errno.
#pragma once

#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/plan.h"

namespace wherry::runtime::after_clone {

inline constexpr unsigned kMaskWords = kMaximumMaskBits / (8 * sizeof(unsigned long));
inline constexpr unsigned kDigitBits = 4;

// Hexadecimal digits, the first of bits 0 to 3. The plan was checked: digits only, and not too many.
inline void read_mask(const char* digits, unsigned long (&mask)[kMaskWords]) {
  constexpr unsigned kDigitsOfWord = 2 * sizeof(unsigned long);
  for (unsigned i = 0; digits[i] != '\0' && i < kMaskWords * kDigitsOfWord; ++i) {
    const char digit = digits[i];
    const auto value = static_cast<unsigned long>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    mask[i / kDigitsOfWord] |= value << (i % kDigitsOfWord * kDigitBits);
  }
}

inline int set_affinity(const char* digits) {
  unsigned long mask[kMaskWords] = {};
  read_mask(digits, mask);
  return ::syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) < 0 ? errno : 0;
}

// `digits` is null for a policy without nodes.
inline int set_memory_policy(const Step& step, const char* digits) {
  unsigned long mask[kMaskWords] = {};
  if (digits == nullptr) return ::syscall(SYS_set_mempolicy, step.a, nullptr, 0) < 0 ? errno : 0;
  read_mask(digits, mask);
  // One more than there are bits: the kernel takes one off.
  return ::syscall(SYS_set_mempolicy, step.a, mask, kMaximumMaskBits + 1) < 0 ? errno : 0;
}

// struct sched_attr, whose header and <sched.h> exclude each other.
struct SchedulerAttributes {
  std::uint32_t size = sizeof(SchedulerAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

inline int set_scheduler(const Step& step) {
  constexpr std::uint32_t kDeadline = 6;
  SchedulerAttributes wanted;
  wanted.policy = static_cast<std::uint32_t>(step.a & 0xff);
  wanted.flags = step.a >> 8 & 0xff;
  if (wanted.policy == kDeadline) {
    wanted.period = step.a >> 16;
    wanted.runtime = step.b;
    wanted.deadline = step.c;
  } else {
    wanted.nice = static_cast<std::int32_t>(step.b);
    wanted.priority = static_cast<std::uint32_t>(step.c);
  }
  return ::syscall(SYS_sched_setattr, 0, &wanted, 0) < 0 ? errno : 0;
}

inline int set_personality(const Step& step) { return ::personality(step.a) < 0 ? errno : 0; }

}  // namespace wherry::runtime::after_clone
