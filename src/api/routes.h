// The tables of routes, one per file. Private to src/api.
#pragma once

#include <span>

#include "api/router.h"

namespace wherry::api {

std::span<const Route> container_routes();  // containers.cc
std::span<const Route> stream_routes();     // container_streams.cc
std::span<const Route> exec_routes();       // exec.cc
std::span<const Route> image_routes();      // images.cc
std::span<const Route> transfer_routes();   // image_transfers.cc
std::span<const Route> volume_routes();     // volumes.cc
std::span<const Route> disk_usage_routes(); // disk_usage.cc
std::span<const Route> network_routes();    // networks.cc
std::span<const Route> system_routes();     // system.cc
std::span<const Route> missing_routes();    // missing.cc: what docker has and wherry not yet
// All of them, in the order in which they are asked (api.cc).
std::span<const std::span<const Route>> route_tables();

}  // namespace wherry::api
