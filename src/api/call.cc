#include "api/call.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/strings.h"
#include "spec/docker_common.h"
#include "spec/json.h"

namespace wherry::api {

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound: return 404;
    case ErrorKind::InvalidArgument: return 400;
    case ErrorKind::Conflict: return 409;
    case ErrorKind::Unauthorized: return 401;
    case ErrorKind::Forbidden: return 403;
    case ErrorKind::NotModified: return 304;
    case ErrorKind::NotImplemented: return 501;
    case ErrorKind::Unavailable: return 503;
    case ErrorKind::Internal:
    case ErrorKind::Deadline:
    case ErrorKind::Cancelled:
    case ErrorKind::NoSpace:
    case ErrorKind::Unsupported: return 500;
  }
  return 500;
}

// "Docker/": clients read the engine's operating system with a pattern that begins so.
std::vector<http::Header> docker_headers() {
  return {{"Api-Version", to_string(kNewest)},
          {"Docker-Experimental", "false"},
          {"Ostype", "linux"},
          {"Server", "Docker/" WHERRY_VERSION " (linux)"}};
}

http::Response json_response(int status, const json::Value& value) {
  return {.status = status,
          .content_type = "application/json",
          .body = json::write_value(value) + "\n",
          .headers = docker_headers()};
}

http::Response error_response(const Error& error) {
  const int status = status_of(error.kind());
  if (status == 304)
    return {.status = status, .content_type = {}, .body = {}, .headers = docker_headers()};
  return json_response(status, json::to_value(spec::docker::ErrorResponse{error.message()}));
}

const std::string& Call::variable(std::string_view name) const {
  const auto found = variables_.find(std::string(name));
  CHECK(found != variables_.end());
  return found->second;
}

void Call::empty(int status) const {
  exchange->respond(
      {.status = status, .content_type = {}, .body = {}, .headers = docker_headers()});
}

Result<std::string_view> Call::body_text() const {
  const http::Request& request = exchange->request();
  if (request.body.empty()) return std::string_view();
  const std::string_view type = request.header("Content-Type");
  const std::string_view media = trim(type.substr(0, type.find(';')));
  if (!equals_ignore_case(media, "application/json"))
    return Error::invalid(
        fmt::format("unsupported Content-Type header ({}): must be 'application/json'", type));
  return request.body;
}

}  // namespace wherry::api
