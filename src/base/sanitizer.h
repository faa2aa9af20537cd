// Whether this build is one for finding bugs. Such a program reserves terabytes of shadow memory
// and needs the dynamic loader, so a memory limit and a root without libraries are not for it.
#pragma once

namespace wherry {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace wherry
