#include "client/engine.h"

#include <fmt/format.h>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <set>

#include "base/strings.h"
#include "spec/json.h"

namespace wherry::client {
namespace {

constexpr std::string_view kUserAgent = "Wherry-Client/" WHERRY_VERSION " (linux)";
constexpr std::string_view kUnixHost = "api.moby.localhost";

ErrorKind kind_of(int status) {
  switch (status) {
    case 400: return ErrorKind::InvalidArgument;
    case 401: return ErrorKind::Unauthorized;
    case 403: return ErrorKind::Forbidden;
    case 404: return ErrorKind::NotFound;
    case 409: return ErrorKind::Conflict;
    case 501: return ErrorKind::NotImplemented;
    case 503: return ErrorKind::Unavailable;
    default: return ErrorKind::Internal;
  }
}

Error daemon_error(int status, std::string_view path, std::string_view body) {
  const auto parsed = parse_json(body);
  std::string message;
  if (parsed && parsed->is_object()) {
    if (const auto* text = parsed->as_object().if_contains("message");
        text != nullptr && text->is_string()) {
      message = text->as_string();
    }
  }
  if (message.empty()) message = trim(body);
  if (message.empty()) {
    message = fmt::format(
        "request returned {} for API route {}, check if the server supports the requested API "
        "version",
        status, path);
  }
  return {kind_of(status), fmt::format("Error response from daemon: {}", message)};
}

// Whether `a` ("1.24") is an older API version than `b`.
bool older(std::string_view a, std::string_view b) {
  const auto number = [](std::string_view text) {
    const auto pair = cut(text, '.');
    if (!pair) return std::uint64_t{0};
    return parse_u64(pair->before).value_or(0) * 1000 + parse_u64(pair->after).value_or(0);
  };
  return number(a) < number(b);
}

std::string encode(const Call& call) {
  std::string text;
  const auto add = [&text](const std::string& name, const std::string& value) {
    text += text.empty() ? '?' : '&';
    text += query_escape(name) + "=" + query_escape(value);
  };
  for (const auto& [name, value] : call.query) add(name, value);
  for (const auto& [name, value] : call.repeated) add(name, value);
  return text;
}

bool is_version(std::string_view text) {
  return !text.empty() && text.size() <= 16 &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

Result<boost::json::value> parse_json(std::string_view text) {
  if (text.size() > kMaximumReplyBytes) return Error::internal("reply of the engine is too large");
  boost::json::parse_options options;
  options.max_depth = json::kMaximumDepth;
  options.allow_invalid_utf8 = true;
  boost::json::error_code failed;
  // A document of many small values is freed at once, with the last value that points to it.
  auto value = boost::json::parse(
      text, failed, boost::json::make_shared_resource<boost::json::monotonic_resource>(text.size()), options);
  if (failed)
    return Error::internal(fmt::format("reply of the engine is not JSON: {}", failed.message()));
  return value;
}

std::string encode_filters(const std::map<std::string, std::vector<std::string>>& filters) {
  if (filters.empty()) return "";
  boost::json::object object;
  for (const auto& [name, values] : filters) {
    boost::json::object set;
    for (const std::string& value : std::set<std::string>(values.begin(), values.end()))
      set[value] = true;
    object[name] = set;
  }
  return json::write_value(object);
}

Result<std::unique_ptr<HttpConnection>> Engine::open_connection() {
  auto socket = connect(settings_.endpoint);
  const bool may_start =
      !socket && socket.error().kind() == ErrorKind::Unavailable && settings_.start_engine;
  if (may_start && !tried_to_start_) {
    tried_to_start_ = true;
    if (TRY(settings_.start_engine())) socket = connect(settings_.endpoint);
  }
  if (!socket) return std::unexpected(std::move(socket).error());
  return std::make_unique<HttpConnection>(std::move(*socket));
}

Result<std::unique_ptr<HttpConnection>> Engine::take_connection() {
  if (idle_) return std::move(idle_);
  return open_connection();
}

void Engine::keep(std::unique_ptr<HttpConnection> connection) {
  if (connection->reusable()) idle_ = std::move(connection);
}

Result<Ping> Engine::ping() {
  if (ping_) return *ping_;
  auto connection = TRY(open_connection());
  Request request{.method = "HEAD", .target = settings_.endpoint.base_path + "/_ping"};
  request.host = settings_.endpoint.kind == Endpoint::Kind::Tcp
                     ? fmt::format("{}:{}", settings_.endpoint.host, settings_.endpoint.port)
                     : std::string(kUnixHost);
  request.headers = settings_.headers;
  request.headers.emplace_back("User-Agent", kUserAgent);
  auto head = connection->exchange(request);
  if (!head)
    return std::move(head).error().within(
        fmt::format("error during connect to {}", settings_.endpoint.text));
  const std::string offered = head->header("api-version");
  Ping answer{.api_version = is_version(offered) ? offered : std::string(kFallbackApiVersion),
              .os_type = head->header("ostype")};
  version_ = settings_.api_version;
  if (version_.empty())
    version_ =
        older(answer.api_version, kApiVersion) ? answer.api_version : std::string(kApiVersion);
  ping_ = answer;
  keep(std::move(connection));
  return answer;
}

Engine Engine::twin() const {
  Engine other(settings_);
  other.version_ = version_;
  other.ping_ = ping_;
  return other;
}

Request Engine::request_of(const Call& call) const {
  Request request{.method = call.method};
  request.target = fmt::format("{}/v{}{}{}", settings_.endpoint.base_path, version_,
                               path_escape(call.path), encode(call));
  request.host = settings_.endpoint.kind == Endpoint::Kind::Tcp
                     ? fmt::format("{}:{}", settings_.endpoint.host, settings_.endpoint.port)
                     : std::string(kUnixHost);
  request.headers = settings_.headers;
  request.headers.emplace_back("User-Agent", kUserAgent);
  if (!call.content_type.empty()) request.headers.emplace_back("Content-Type", call.content_type);
  request.headers.insert(request.headers.end(), call.headers.begin(), call.headers.end());
  request.body = call.body;
  request.body_source = call.body_source;
  return request;
}

Result<Engine::Exchange> Engine::exchange(const Call& call) {
  TRY(ping());
  Exchange exchange{.connection = TRY(take_connection())};
  exchange.head = TRY_AS("error during connect", exchange.connection->exchange(request_of(call)));
  if (exchange.head.status < 400) return exchange;
  const std::string body = TRY(exchange.connection->read_body(kMaximumErrorBytes));
  keep(std::move(exchange.connection));
  return daemon_error(exchange.head.status, call.path, body);
}

Result<Reply> Engine::call(const Call& call) {
  Exchange done = TRY(exchange(call));
  Reply reply{.status = done.head.status,
              .body = TRY(done.connection->read_body(kMaximumReplyBytes))};
  keep(std::move(done.connection));
  return reply;
}

Result<boost::json::value> Engine::call_json(const Call& call) {
  return parse_json(TRY(this->call(call)).body);
}

Result<std::unique_ptr<HttpConnection>> Engine::stream(const Call& call) {
  return std::move(TRY(exchange(call)).connection);
}

Result<Engine::Hijacked> Engine::hijack(Call call) {
  call.headers.emplace_back("Connection", "Upgrade");
  call.headers.emplace_back("Upgrade", "tcp");
  Exchange done = TRY(exchange(call));
  Hijacked hijacked;
  hijacked.multiplexed =
      done.head.header("content-type") == "application/vnd.docker.multiplexed-stream";
  hijacked.raw = std::move(*done.connection).hijack();
  return hijacked;
}

}  // namespace wherry::client
