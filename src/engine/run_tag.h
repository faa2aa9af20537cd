// What the keeper keeps for us with each run, unread: enough to adopt a run whose row was not
// yet on disk when the engine was killed.
#pragma once

#include <string>
#include <string_view>

#include "spec/docker_host_config.h"
#include "spec/docker_network.h"

namespace wherry::engine {

struct RunTag {
  std::string cgroup;
  spec::docker::EndpointMap endpoints;
  spec::docker::PortMap ports = {};
};

// "<cgroup path>\n<endpoints as JSON>\n<ports as JSON>"; JSON is left out from the end where
// there is none, and the ports where all would be longer than the keeper takes: then only the
// row has them.
std::string encode_run_tag(const RunTag& tag);
// Never fails: what cannot be read is empty.
RunTag decode_run_tag(std::string_view text);

}  // namespace wherry::engine
