// What joins the networks' members to the embedded resolver. Private to src/engine.
#pragma once

#include "base/result.h"
#include "engine/core.h"

namespace wherry::engine {

// Before reconcile: finds the resolver that runs and listens to the networks from now on.
Result<> open_dns(Core& core);
// After reconcile: everybody who runs has been noted.
void settle_dns(Core& core);

// Whether the container's names are resolved by 127.0.0.11: it is on a user network.
bool has_resolver(Core& core, const ContainerId& id);

}  // namespace wherry::engine
