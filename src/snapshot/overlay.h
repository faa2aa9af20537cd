// Driver "overlay": a container is an overlay mount of its layers' directories.
#pragma once

#include <memory>
#include <string>

#include "snapshot/driver.h"

namespace wherry::snapshot {

// Unsupported, with the kernel's reason, where overlay cannot be mounted on `root`.
Result<std::unique_ptr<Driver>> open_overlay(const std::string& root);

}  // namespace wherry::snapshot
