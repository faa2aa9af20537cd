// What the engine says of itself and of its host.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/core.h"
#include "engine/requests.h"
#include "spec/docker_system.h"

namespace wherry::engine {

Result<spec::docker::Info> make_info(Core& core);
spec::docker::Version make_version();

// A line per thing that the engine needs. `core` null: checked without an engine.
std::vector<CheckLine> check_host(const Options& options, Core* core);

}  // namespace wherry::engine
