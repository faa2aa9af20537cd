// What lies below the layers of every image: the places that a container's mounts need, and the
// few files by which programs know a container. An image's own entries come first. docker puts
// the same entries into a layer of each container; one tree for all spares each start the
// making of them, and keeps them out of what the container changed.
#pragma once

#include "base/result.h"
#include "snapshot/layout.h"
#include "sys/fd.h"

namespace wherry::snapshot {

// <root>/base, with what is missing made.
Result<sys::Fd> open_base_tree(const Layout& layout);

}  // namespace wherry::snapshot
