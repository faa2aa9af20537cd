// CHECK: a broken invariant of our own ends the process with file, line and text.
// Never for input, a peer or the kernel: those are Errors.
#pragma once

namespace wherry::detail {
[[noreturn]] void check_failed(const char* file, int line, const char* expression);
}

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::wherry::detail::check_failed(__FILE__, __LINE__, #condition))
