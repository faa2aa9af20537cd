#include "runtime/syscall_numbers.h"

#include <linux/audit.h>
#include <seccomp.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace wherry::runtime {
namespace {

struct Number {
  std::string_view name;
  std::uint32_t number;
};

// Since Linux 5.1 new calls get one number on every architecture. libseccomp 2.5.4 ends at 450.
constexpr std::array kNewer{
    Number{"set_mempolicy_home_node", 450}, Number{"cachestat", 451},
    Number{"fchmodat2", 452},               Number{"map_shadow_stack", 453},
    Number{"futex_wake", 454},              Number{"futex_wait", 455},
    Number{"futex_requeue", 456},           Number{"statmount", 457},
    Number{"listmount", 458},               Number{"lsm_get_self_attr", 459},
    Number{"lsm_set_self_attr", 460},       Number{"lsm_list_modules", 461},
    Number{"mseal", 462},                   Number{"setxattrat", 463},
    Number{"getxattrat", 464},              Number{"listxattrat", 465},
    Number{"removexattrat", 466},           Number{"open_tree_attr", 467},
    Number{"file_getattr", 468},            Number{"file_setattr", 469},
};
constexpr std::array kNewerX86_64{Number{"uretprobe", 335}, Number{"uprobe", 336}};

// Calls that libseccomp shows as parts of socketcall and ipc, but that have numbers of their own:
// the first two since Linux 2.6.33 and 3.0, the others since 4.3 and 5.1.
constexpr std::array kI386{
    Number{"recvmmsg", 337},    Number{"sendmmsg", 345},
    Number{"socket", 359},      Number{"socketpair", 360},  Number{"bind", 361},
    Number{"connect", 362},     Number{"listen", 363},      Number{"accept4", 364},
    Number{"getsockopt", 365},  Number{"setsockopt", 366},  Number{"getsockname", 367},
    Number{"getpeername", 368}, Number{"sendto", 369},      Number{"sendmsg", 370},
    Number{"recvfrom", 371},    Number{"recvmsg", 372},     Number{"shutdown", 373},
    Number{"semget", 393},      Number{"semctl", 394},      Number{"shmget", 395},
    Number{"shmctl", 396},      Number{"shmat", 397},       Number{"shmdt", 398},
    Number{"msgget", 399},      Number{"msgsnd", 400},      Number{"msgrcv", 401},
    Number{"msgctl", 402}};

std::optional<std::uint32_t> find(std::span<const Number> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Number::name);
  if (found == table.end()) return std::nullopt;
  return found->number;
}

std::uint32_t library_arch(Machine machine) {
  switch (machine) {
    case Machine::X86_64: return SCMP_ARCH_X86_64;
    case Machine::I386: return SCMP_ARCH_X86;
    case Machine::Aarch64: return SCMP_ARCH_AARCH64;
    case Machine::Arm: return SCMP_ARCH_ARM;
  }
  return SCMP_ARCH_NATIVE;
}

}  // namespace

std::uint32_t audit_arch(Machine machine) {
  switch (machine) {
    case Machine::X86_64: return AUDIT_ARCH_X86_64;
    case Machine::I386: return AUDIT_ARCH_I386;
    case Machine::Aarch64: return AUDIT_ARCH_AARCH64;
    case Machine::Arm: return AUDIT_ARCH_ARM;
  }
  return 0;
}

std::optional<std::uint32_t> syscall_number(Machine machine, const std::string& name) {
  if (machine == Machine::I386)
    if (const auto own = find(kI386, name)) return own;
  if (machine == Machine::X86_64)
    if (const auto newer = find(kNewerX86_64, name)) return newer;
  if (const auto newer = find(kNewer, name)) return newer;
  const int number = ::seccomp_syscall_resolve_name_arch(library_arch(machine), name.c_str());
  if (number < 0) return std::nullopt;  // unknown, or of another architecture
  return static_cast<std::uint32_t>(number);
}

}  // namespace wherry::runtime
