// Syscall numbers by architecture: libseccomp's table, plus what is newer than it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace wherry::runtime {

enum class Machine : std::uint8_t { X86_64, I386, Aarch64, Arm };

// AUDIT_ARCH_* of <linux/audit.h>.
std::uint32_t audit_arch(Machine machine);
std::optional<std::uint32_t> syscall_number(Machine machine, const std::string& name);

}  // namespace wherry::runtime
