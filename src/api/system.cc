// Routes of the engine itself: ping, version, info, events, auth.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "api/api.h"
#include "api/routes.h"
#include "api/shims.h"
#include "api/streams.h"
#include "image/images.h"
#include "spec/docker_event.h"
#include "spec/docker_system.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

Result<> ping(Call& call) {
  const engine::PingData data = call.engine.ping();
  http::Response response{.status = 200,
                          .content_type = "text/plain; charset=utf-8",
                          .body = "OK",
                          .headers = docker_headers()};
  if (!data.builder_version.empty())
    response.headers.push_back({"Builder-Version", data.builder_version});
  response.headers.push_back({"Cache-Control", "no-cache, no-store, must-revalidate"});
  response.headers.push_back({"Pragma", "no-cache"});
  response.headers.push_back({"Swarm", "inactive"});
  // docker sends Content-Length: 0 to a HEAD.
  if (call.exchange->request().method == "HEAD") response.body.clear();
  call.exchange->respond(std::move(response));
  return {};
}

Result<> version(Call& call) {
  call.json(200, call.engine.version());
  return {};
}

Result<> info(Call& call) {
  json::Value value = json::to_value(TRY(call.engine.info()));
  shim_info(value, call.version);
  call.exchange->respond(json_response(200, value));
  return {};
}

Result<> auth(Call& call) {
  const auto config = TRY(call.body<spec::docker::AuthConfig>());
  registry::Credentials credentials;
  credentials.username = config.username;
  credentials.password = config.password;
  credentials.identity_token = config.identity_token;
  credentials.registry_token = config.registry_token;
  credentials.server_address = config.server_address;
  const std::string token = TRY(call.engine.images().login(credentials, call.stop()));
  call.json(200, spec::docker::AuthResponse{token, "Login Succeeded"});
  return {};
}

Result<> events(Call& call) {
  engine::EventsOptions options;
  options.since = TRY(timestamp(call.query, "since"));
  options.until = TRY(timestamp(call.query, "until"));
  options.filters = TRY(filters(call.query.get("filters")));
  if (options.since && options.until && *options.until < *options.since)
    return Error::invalid(fmt::format("`since` time ({}) cannot be after `until` time ({})",
                                      to_unix_seconds(*options.since),
                                      to_unix_seconds(*options.until)));
  const auto stream = call.exchange->detach();
  auto subscription = call.engine.subscribe_events(
      options,
      [stream](const spec::docker::EventMessage& event) {
        stream->push(json::write(event) + "\n");
      },
      [stream] { stream->finish(); });
  if (!subscription) {
    stream->respond(error_response(subscription.error()));
    return {};
  }
  stream->keep(std::shared_ptr<engine::Subscription>(std::move(*subscription)));
  stream->begin(stream_head("application/json"));
  if (options.until && *options.until > now())
    stream->finish_after(std::chrono::ceil<std::chrono::milliseconds>(*options.until - now()));
  return {};
}

// Ours, for `wherry system check`.
Result<> check(Call& call) {
  call.exchange->respond(json_response(200, check_json(call.engine.system_check())));
  return {};
}

// Swarm and managed plugins do not exist here: the empty answers that clients take for it.
Result<> no_plugins(Call& call) {
  call.exchange->respond(json_response(200, boost::json::array()));
  return {};
}

constexpr RouteOptions kInline{.where = http::Plan::Where::Inline};
constexpr RouteOptions kWaits{.where = http::Plan::Where::Long};

constexpr std::array kRoutes = {
    Route{"GET", "/_ping", ping, kInline},
    Route{"HEAD", "/_ping", ping, kInline},
    Route{"GET", "/version", version, kInline},
    Route{"GET", "/info", info},
    Route{"GET", "/events", events},
    Route{"POST", "/auth", auth, kWaits},
    Route{"GET", "/plugins", no_plugins, kInline},
    Route{"GET", "/wherry/check", check},
};

}  // namespace

boost::json::array check_json(const std::vector<engine::CheckLine>& lines) {
  boost::json::array items;
  for (const engine::CheckLine& line : lines) {
    const char* state = line.state == engine::CheckState::Ok        ? "ok"
                        : line.state == engine::CheckState::Limited ? "limited"
                                                                    : "missing";
    items.push_back({{"Subject", line.subject},
                     {"State", state},
                     {"Detail", line.detail},
                     {"Remedy", line.remedy}});
  }
  return items;
}

std::span<const Route> system_routes() {
  return kRoutes;
}

}  // namespace wherry::api
