// How an engine comes up and goes down. Private to src/engine.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/core.h"

namespace wherry::engine {

Result<std::unique_ptr<Core>> open_core(Options options);
// Stops the threads; containers run on.
void close_core(Core& core);

}  // namespace wherry::engine
