// Routes of containers that answer at once; streams are in container_streams.cc.
#include <fmt/format.h>

#include "api/routes.h"
#include "api/shims.h"
#include "api/streams.h"
#include "base/strings.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

using engine::StopOptions;

Result<> list(Call& call) {
  engine::ListContainersOptions options;
  options.all = call.flag("all");
  options.size = call.flag("size");
  options.limit = TRY(integer(call.query, "limit")).value_or(0);
  options.filters = TRY(filters(call.query.get("filters")));
  json::Value value = json::to_value(TRY(call.engine.list_containers(options)));
  shim_container_list(value, call.version);
  call.exchange->respond(json_response(200, value));
  return {};
}

Result<> create(Call& call) {
  if (!call.has_body()) return Error::invalid("invalid JSON: got EOF while reading request body");
  auto request = TRY(call.body<spec::docker::ContainerCreateRequest>());
  TRY(shim_create(request, call.version));
  const auto response = TRY(
      call.engine.create_container(call.query.get("name"), call.query.get("platform"), request));
  call.json(201, response);
  return {};
}

Result<> inspect(Call& call) {
  const auto container = TRY(call.engine.inspect_container(call.variable("id"), call.flag("size")));
  json::Value value = json::to_value(container);
  shim_container_inspect(value, call.version);
  call.exchange->respond(json_response(200, value));
  return {};
}

Result<> start(Call& call) {
  // docker lets the "null" and "{}" of ancient clients pass.
  const http::Request& request = call.exchange->request();
  if (request.body.size() > 7 || request.has_header("Transfer-Encoding"))
    return Error::invalid(
        "starting container with non-empty request body was deprecated since API v1.22 and "
        "removed in v1.24");
  if (!call.query.get("checkpoint").empty() || !call.query.get("checkpoint-dir").empty())
    return Error(ErrorKind::NotImplemented,
                 "wherry: flag '--checkpoint' is not available in wherry " WHERRY_VERSION);
  TRY(call.engine.start_container(call.variable("id")));
  call.empty(204);
  return {};
}

Result<StopOptions> stop_options(const Call& call) {
  StopOptions options;
  if (call.version >= ApiVersion{1, 42} && !call.query.get("signal").empty())
    options.signal = call.query.get("signal");
  options.timeout_s = TRY(integer(call.query, "t"));
  return options;
}

Result<> stop(Call& call) {
  const StopOptions options = TRY(stop_options(call));
  TRY(call.engine.stop_container(call.variable("id"), options, call.stop()));
  call.empty(204);
  return {};
}

Result<> restart(Call& call) {
  const StopOptions options = TRY(stop_options(call));
  TRY(call.engine.restart_container(call.variable("id"), options, call.stop()));
  call.empty(204);
  return {};
}

Result<> kill(Call& call) {
  TRY(call.engine.kill_container(call.variable("id"), call.query.get("signal")));
  call.empty(204);
  return {};
}

Result<> pause(Call& call) {
  TRY(call.engine.pause_container(call.variable("id")));
  call.empty(204);
  return {};
}

Result<> unpause(Call& call) {
  TRY(call.engine.unpause_container(call.variable("id")));
  call.empty(204);
  return {};
}

Result<> rename(Call& call) {
  TRY(call.engine.rename_container(call.variable("id"), call.query.get("name")));
  call.empty(204);
  return {};
}

Result<> remove(Call& call) {
  const engine::RemoveContainerOptions options{
      .force = call.flag("force"), .volumes = call.flag("v"), .link = call.flag("link")};
  TRY(call.engine.remove_container(call.variable("id"), options));
  call.empty(204);
  return {};
}

// `rm --link`, whose name is OWNER/ALIAS; without `link` there is no container of such a name.
Result<> remove_link(Call& call) {
  const std::string name = call.variable("id") + "/" + call.variable("alias");
  if (!call.flag("link")) return Error::not_found("No such container: " + name);
  TRY(call.engine.remove_container(name, {.force = false, .volumes = false, .link = true}));
  call.empty(204);
  return {};
}

Result<> top(Call& call) {
  call.json(200, TRY(call.engine.top_container(call.variable("id"), call.query.get("ps_args"))));
  return {};
}

Result<> resize(Call& call) {
  const engine::WindowSize size = TRY(window_size(call));
  TRY(call.engine.resize_container(call.variable("id"), size));
  call.empty(200);
  return {};
}

constexpr RouteOptions kWaits{.where = http::Plan::Where::Long};

constexpr std::array kRoutes = {
    Route{"GET", "/containers/json", list},
    Route{"POST", "/containers/create", create},
    Route{"GET", "/containers/{id}/json", inspect},
    Route{"GET", "/containers/{id}/top", top},
    Route{"POST", "/containers/{id}/start", start},
    Route{"POST", "/containers/{id}/stop", stop, kWaits},
    Route{"POST", "/containers/{id}/restart", restart, kWaits},
    Route{"POST", "/containers/{id}/kill", kill},
    Route{"POST", "/containers/{id}/pause", pause},
    Route{"POST", "/containers/{id}/unpause", unpause},
    Route{"POST", "/containers/{id}/rename", rename},
    Route{"POST", "/containers/{id}/resize", resize},
    Route{"DELETE", "/containers/{id}", remove, kWaits},
    Route{"DELETE", "/containers/{id}/{alias}", remove_link, kWaits},
};

}  // namespace

Result<engine::WindowSize> window_size(const Call& call) {
  const auto dimension = [&](std::string_view name,
                             std::string_view word) -> Result<std::uint32_t> {
    const std::string& text = call.query.get(name);
    const auto value = parse_u64(text);
    if (value && *value <= std::numeric_limits<std::uint32_t>::max())
      return static_cast<std::uint32_t>(*value);
    return Error::invalid(fmt::format("invalid resize {} {}: invalid syntax", word, quote(text)));
  };
  engine::WindowSize size;
  size.height = TRY(dimension("h", "height"));
  size.width = TRY(dimension("w", "width"));
  return size;
}

std::span<const Route> container_routes() {
  return kRoutes;
}

}  // namespace wherry::api
