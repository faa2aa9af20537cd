// One overlay mount, detached, over any number of lower directories.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::snapshot {

struct OverlayPlan {
  std::vector<sys::Fd> lower;  // topmost first, at least one
  sys::Fd upper;
  sys::Fd work;
  // overlay's "volatile": nothing is synced, neither by fsync(2) nor at the end of the mount.
  bool is_volatile = false;
};

enum class OverlayMethod {
  Append,  // a lowerdir+ for each layer by fsconfig (Linux >= 6.5): no limit but overlay's own
  Page,    // one option page for mount(2) in a private mount namespace; goes with Linux 6.1
};

// Fails if the kernel made the overlay read-only (a work directory that it cannot use).
Result<sys::Fd> mount_overlay(const OverlayPlan& plan, OverlayMethod method);

}  // namespace wherry::snapshot
