// Routes of volumes.
#include <fmt/format.h>

#include "api/routes.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

Result<> list(Call& call) {
  const auto wanted = TRY(filters(call.query.get("filters")));
  call.json(200, TRY(call.engine.list_volumes(wanted)));
  return {};
}

Result<> create(Call& call) {
  const auto request = TRY(call.body<spec::docker::VolumeCreateRequest>());
  call.json(201, TRY(call.engine.create_volume(request)));
  return {};
}

Result<> inspect(Call& call) {
  call.json(200, TRY(call.engine.inspect_volume(call.variable("name"))));
  return {};
}

Result<> remove(Call& call) {
  const auto force = call.flag("force") ? engine::Force::Yes : engine::Force::No;
  TRY(call.engine.remove_volume(call.variable("name"), force));
  call.empty(204);
  return {};
}

Result<> prune(Call& call) {
  auto wanted = TRY(filters(call.query.get("filters")));
  // Named volumes are spared since 1.42 only.
  if (call.version < ApiVersion{1, 42}) wanted["all"] = {"true"};
  call.json(200, TRY(call.engine.prune_volumes(wanted)));
  return {};
}

constexpr RouteOptions kWaits{.where = http::Plan::Where::Long};

constexpr std::array kRoutes = {
    Route{"GET", "/volumes", list},
    Route{"POST", "/volumes/create", create},
    Route{"POST", "/volumes/prune", prune, kWaits},
    Route{"GET", "/volumes/{name}", inspect},
    Route{"DELETE", "/volumes/{name}", remove, kWaits},
};

}  // namespace

std::span<const Route> volume_routes() {
  return kRoutes;
}

}  // namespace wherry::api
