// What this version does not do yet: each field of a request that asks for it, by the flag
// that sets it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "spec/docker_config.h"
#include "spec/docker_exec.h"
#include "spec/docker_network.h"

namespace wherry::engine {

// NotImplemented: "wherry: flag '--publish' is not available in wherry 0.1.0".
Error flag_not_available(std::string_view flag);
// NotImplemented: "wherry: <what> is not available in wherry 0.1.0".
Error not_available(std::string_view what);

// Those of an endpoint.
Result<> check_endpoint_fields(const spec::docker::EndpointSettings& endpoint);

// The first field that is set to anything but its zero value (as docker's client sends it) and
// that we do not do.
Result<> check_available(const spec::docker::ContainerCreateRequest& request);

}  // namespace wherry::engine
