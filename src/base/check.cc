#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace wherry::detail {

void check_failed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expression);
  std::abort();
}

}  // namespace wherry::detail

#ifdef __SANITIZE_ADDRESS__
// For our confined processes, whose environment is empty: nobody may look into them, not even the
// search for leaks at their end, which would wait for ever.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0:abort_on_error=1"; }
#endif
