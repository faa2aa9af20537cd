#include "api/api.h"

#include <fmt/format.h>

#include <array>

#include "api/origin.h"
#include "api/routes.h"
#include "base/log.h"

namespace wherry::api {

std::span<const std::span<const Route>> route_tables() {
  static const std::array tables = {container_routes(), stream_routes(),   exec_routes(),
                                    image_routes(),     transfer_routes(), network_routes(),
                                    volume_routes(),    disk_usage_routes(), system_routes(),
                                    missing_routes()};
  return tables;
}

namespace {

const Router& router() {
  static const Router instance{route_tables()};
  return instance;
}

void log_error(const http::Request& request, const Error& error) {
  const auto line = [&] {
    return fmt::format("{} {}: {}", request.method, request.path, error.message());
  };
  if (error.kind() == ErrorKind::Cancelled)
    log::debug("{}", line());
  else if (status_of(error.kind()) >= 500 && error.kind() != ErrorKind::NotImplemented)
    log::error("{}", line());
  else
    log::debug("{}", line());
}

void answer_error(const http::ExchangePtr& exchange, const Error& error) {
  log_error(exchange->request(), error);
  if (!exchange->answered()) exchange->respond(error_response(error));
}

void run_route(const http::ExchangePtr& exchange, engine::Engine& engine, Match match) {
  auto query = http::Query::parse(exchange->request().query);
  if (!query) return answer_error(exchange, query.error());
  Call call(exchange, engine, match.version, std::move(match.variables), std::move(*query));
  if (auto done = match.route->handler(call); !done) answer_error(exchange, done.error());
}

http::Plan refuse(Error error) {
  http::Plan plan;
  plan.where = http::Plan::Where::Inline;
  plan.run = [error = std::move(error)](const http::ExchangePtr& exchange) {
    answer_error(exchange, error);
  };
  return plan;
}

http::Plan::Where where_of(const RouteOptions& options, const http::Request& request) {
  if (options.long_with.empty()) return options.where;
  const auto query = http::Query::parse(request.query);
  return query && boolean(query->get(options.long_with)) ? http::Plan::Where::Long : options.where;
}

}  // namespace

http::Planner make_planner(engine::Engine& engine) {
  return [&engine](const http::Request& request) {
    if (auto allowed = check_origin(request); !allowed) return refuse(std::move(allowed).error());
    auto match = router().match(request.method, request.path);
    if (!match) return refuse(std::move(match).error());
    const RouteOptions& options = match->route->options;
    http::Plan plan;
    plan.where = where_of(options, request);
    plan.body = options.body;
    plan.watch_client = !options.hijacks;
    plan.run = [&engine, match = std::move(*match)](const http::ExchangePtr& exchange) {
      run_route(exchange, engine, match);
    };
    return plan;
  };
}

}  // namespace wherry::api
