// How an engine comes up and goes down. Private to src/engine.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/core.h"

namespace wherry::engine {

Result<std::unique_ptr<Core>> open_core(Options options);
// Takes new settings; those under way end with the old ones. Error: nothing has changed.
Result<> reload(Core& core, const LiveOptions& options);
// Stops the threads; containers run on.
void close_core(Core& core);

}  // namespace wherry::engine
