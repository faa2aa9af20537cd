// Sockets in another network namespace.
#pragma once

#include "base/result.h"
#include "resolver/protocol.h"
#include "resolver/resolver.h"
#include "sys/fd.h"

namespace wherry::resolver {

// UDP and listening TCP that answer at 127.0.0.11:53 of `netns`, non-blocking. A thread goes
// there and ends: the caller's namespace stays. Each socket keeps the namespace alive until it
// is closed.
Result<ContainerFds> open_sockets(const sys::Fd& netns, const Redirect& redirect = {});

}  // namespace wherry::resolver
