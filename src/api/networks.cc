// Routes of networks.
#include <fmt/format.h>

#include <array>

#include "api/routes.h"
#include "spec/docker_network.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

namespace docker = spec::docker;

Result<> list(Call& call) {
  const auto wanted = TRY(filters(call.query.get("filters")));
  call.json(200, TRY(call.engine.list_networks(wanted)));
  return {};
}

Result<> inspect(Call& call) {
  const std::string& scope = call.query.get("scope");
  const docker::Network network = TRY(call.engine.inspect_network(call.variable("id")));
  if (!scope.empty() && scope != network.scope)
    return Error::not_found(fmt::format("network {} not found", call.variable("id")));
  call.json(200, network);
  return {};
}

Result<> create(Call& call) {
  if (!call.has_body()) return Error::invalid("invalid JSON: got EOF while reading request body");
  call.json(201, TRY(call.engine.create_network(TRY(call.body<docker::NetworkCreateRequest>()))));
  return {};
}

Result<> remove(Call& call) {
  TRY(call.engine.remove_network(call.variable("id")));
  call.empty(204);
  return {};
}

Result<> connect(Call& call) {
  const auto request = TRY(call.body<docker::NetworkConnectRequest>());
  TRY(call.engine.connect_network(call.variable("id"), request));
  call.empty(200);
  return {};
}

Result<> disconnect(Call& call) {
  const auto request = TRY(call.body<docker::NetworkDisconnectRequest>());
  TRY(call.engine.disconnect_network(call.variable("id"), request));
  call.empty(200);
  return {};
}

Result<> prune(Call& call) {
  const auto wanted = TRY(filters(call.query.get("filters")));
  call.json(200, TRY(call.engine.prune_networks(wanted)));
  return {};
}

constexpr std::array kRoutes = {
    Route{"GET", "/networks", list},
    Route{"GET", "/networks/", list},
    Route{"POST", "/networks/create", create},
    Route{"POST", "/networks/prune", prune},
    Route{"GET", "/networks/{id...}", inspect},
    Route{"DELETE", "/networks/{id...}", remove},
    Route{"POST", "/networks/{id...}/connect", connect},
    Route{"POST", "/networks/{id...}/disconnect", disconnect},
};

}  // namespace

std::span<const Route> network_routes() {
  return kRoutes;
}

}  // namespace wherry::api
