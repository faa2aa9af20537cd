// The member tables of docker_common.h. Only docker_common_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_common.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::ErrorResponse> {
  static constexpr auto fields = std::tuple{field("message", &spec::docker::ErrorResponse::message)};
};
template <>
struct Describe<spec::docker::IdResponse> {
  static constexpr auto fields = std::tuple{field("Id", &spec::docker::IdResponse::id)};
};

}  // namespace wherry::json
