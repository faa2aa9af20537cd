#include "sys/confine.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "base/check.h"
#include "base/sanitizer.h"

namespace wherry::sys {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "add the audit architecture of this machine"
#endif

// UBSan looks through a pipe whether it may read an object; ASan asks for the signal stack before
// every call that does not return, and needs memory to tell what it has found.
constexpr auto kOfSanitizers = std::to_array<long>({SYS_pipe2, SYS_sigaltstack, SYS_mmap, SYS_munmap,
#ifdef SYS_pipe
                                                    SYS_pipe
#endif
});

void allow(std::vector<sock_filter>& filter, std::span<const long> numbers) {
  for (const long number : numbers) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
}

// Answers for the call of the rule; any other goes on with its number still loaded.
void allow_within(std::vector<sock_filter>& filter, const ArgumentRule& rule) {
  const auto count = rule.values.size();
  CHECK(count < 100);  // a conditional jump reaches 255 instructions
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(rule.number), 0,
                            static_cast<std::uint8_t>(2 * count + 2)));
  filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)));  // little-endian
  for (const std::uint32_t value : rule.values) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
}

std::vector<sock_filter> make_filter(std::span<const long> numbers, std::span<const ArgumentRule> rules) {
  const std::array<std::uint32_t, 1> self{static_cast<std::uint32_t>(::getpid())};
  std::vector<sock_filter> filter{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  if (std::ranges::find(numbers, SYS_tgkill) != numbers.end())
    allow_within(filter, {.number = SYS_tgkill, .values = self});
  for (const ArgumentRule& rule : rules) allow_within(filter, rule);
  allow(filter, numbers);
  if (kSanitized) allow(filter, kOfSanitizers);
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  return filter;
}

}  // namespace

Result<> drop_all_capabilities() {
  if (::geteuid() != 0) return {};
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
      return Error::from_errno(errno, "drop bounding capability");
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) < 0)
    return Error::from_errno(errno, "drop capabilities");
  return {};
}

Result<> allow_only_system_calls(std::span<const long> numbers, std::span<const ArgumentRule> rules) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return Error::from_errno(errno, "set no_new_privs");
  std::vector<sock_filter> filter = make_filter(numbers, rules);
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
    return Error::from_errno(errno, "install the filter of system calls");
  return {};
}

}  // namespace wherry::sys
