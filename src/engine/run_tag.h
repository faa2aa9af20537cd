// What the keeper keeps for us with each run, unread: enough to adopt a run whose row was not
// yet on disk when the engine was killed.
#pragma once

#include <string>
#include <string_view>

#include "spec/docker_network.h"

namespace wherry::engine {

struct RunTag {
  std::string cgroup;
  spec::docker::EndpointMap endpoints;
};

// "<cgroup path>\n<endpoints as JSON>"; the JSON is left out where there are none.
std::string encode_run_tag(const RunTag& tag);
// Never fails: what cannot be read is empty.
RunTag decode_run_tag(std::string_view text);

}  // namespace wherry::engine
