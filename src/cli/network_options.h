// --network, --ip, --network-alias, --mac-address, --publish and --expose of run and create.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/flags.h"

namespace wherry::cli {

struct NetworkOptions {
  std::string mode;               // HostConfig.NetworkMode
  boost::json::object endpoints;  // NetworkingConfig.EndpointsConfig
};
// docker's words for what cannot be combined.
Result<NetworkOptions> network_options(const Flags& flags);

struct PortOptions {
  boost::json::object exposed;   // Config.ExposedPorts
  boost::json::object bindings;  // HostConfig.PortBindings
};
// "[[host ip:]host port[-last]:]port[-last][/protocol]", or docker's long form
// "published=8080,target=80,protocol=tcp".
Result<PortOptions> port_options(const Flags& flags);

// An endpoint as docker's client sends it.
boost::json::object endpoint_settings();

}  // namespace wherry::cli
