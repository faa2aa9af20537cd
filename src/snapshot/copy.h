// Driver "copy": a container is a copy of its layers, for data roots on which overlay cannot be
// mounted (a file system that is itself overlayfs, as inside a container). Slow and large, but
// it shares extents where the file system can (FICLONE).
#pragma once

#include <memory>
#include <string>

#include "snapshot/driver.h"

namespace wherry::snapshot {

Result<std::unique_ptr<Driver>> open_copy(const std::string& root);

}  // namespace wherry::snapshot
