// The REST face of an engine: gives the server, for each request, what is to be done with it.
#pragma once

#include "engine/engine.h"
#include "http/exchange.h"

namespace wherry::api {

// `engine` must outlive every request.
http::Planner make_planner(engine::Engine& engine);

}  // namespace wherry::api
