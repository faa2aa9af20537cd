// The child's side of a clone: interprets the plan and ends in execve or _exit.
#pragma once

#include <cstdint>

#include "runtime/plan.h"

namespace wherry::runtime {

// All that the child reads; made before the clone, so that nothing is allocated after it.
struct ChildInput {
  const Plan* plan = nullptr;
  int* slots = nullptr;  // descriptor numbers: the passed ones, then -1 for each scratch slot
  int channel = -1;
  int stdio[3] = {-1, -1, -1};
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  const char* search_path = nullptr;  // PATH of the environment
};

[[noreturn]] void child_main(const ChildInput& input) noexcept;

}  // namespace wherry::runtime
