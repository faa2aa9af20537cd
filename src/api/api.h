// The REST face of an engine: gives the server, for each request, what is to be done with it.
#pragma once

#include <boost/json/array.hpp>
#include <vector>

#include "engine/engine.h"
#include "http/exchange.h"

namespace wherry::api {

// `engine` must outlive every request.
http::Planner make_planner(engine::Engine& engine);

// The body of GET /wherry/check (ours): [{Subject, State, Detail, Remedy}], State ok, limited or
// missing. `wherryd --check` prints the same.
boost::json::array check_json(const std::vector<engine::CheckLine>& lines);

}  // namespace wherry::api
