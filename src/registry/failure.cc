#include "registry/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/strings.h"
#include "registry/retry.h"
#include "registry/settings.h"
#include "spec/json.h"

namespace wherry::registry {

struct BodyError {
  std::string code;
  std::string message;
};

struct ErrorBody {
  std::optional<std::vector<BodyError>> errors;
  std::string details;  // Docker Hub's token server
  std::string message;
};

}  // namespace wherry::registry

namespace wherry::json {

template <>
struct Describe<registry::BodyError> {
  using T = registry::BodyError;
  static constexpr auto fields = std::tuple{field("code", &T::code), field("message", &T::message)};
};
template <>
struct Describe<registry::ErrorBody> {
  using T = registry::ErrorBody;
  static constexpr auto fields = std::tuple{field("errors", &T::errors),
                                            field("details", &T::details),
                                            field("message", &T::message)};
};

}  // namespace wherry::json

namespace wherry::registry {
namespace {

constexpr std::size_t kMaximumQuoted = 512;

// "GET" -> "Get", as Go's http client begins its errors.
std::string verb_of(const std::string& method) {
  std::string verb = to_lower(method);
  if (!verb.empty()) verb.front() = static_cast<char>(verb.front() - 'a' + 'A');
  return verb;
}

std::string where(const HttpRequest& request) {
  return fmt::format("{} {}", verb_of(request.method), quote(request.url.str()));
}

// A peer's text on one line, without control characters, cut at a sane length.
std::string tamed(std::string_view text) {
  std::string copy(trim(text.substr(0, kMaximumQuoted)));
  std::ranges::replace_if(copy, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return copy;
}

ErrorBody parse_body(std::string_view body) {
  auto parsed = json::parse<ErrorBody>(body);
  return parsed ? *std::move(parsed) : ErrorBody{};
}

std::string too_many_requests(const HttpRequest& request, const HttpResponse& response,
                              Instant now) {
  std::string text = registry_message(response.body);
  if (text.empty()) text = "toomanyrequests: too many requests";
  text += fmt::format(": {} refuses further requests", request.url.authority());
  if (const auto wait = parse_retry_after(response.header("retry-after"), now)) {
    const Instant reset = std::chrono::floor<std::chrono::seconds>(now + *wait);
    text += fmt::format(" for {} s, until {}", wait->count(), format_rfc3339_nano(reset));
  }
  return text + " (log in with 'docker login' for a higher limit, or configure \"registry-mirrors\")";
}

}  // namespace

Error transport_error(const HttpRequest& request, const HttpOutcome& outcome) {
  const std::string host = request.url.host;
  const std::string detail = outcome.error ? outcome.error->message() : "";
  const auto say = [&](std::string_view cause, std::string_view next_step) {
    return Error(ErrorKind::Unavailable,
                 fmt::format("{}: {} ({})", where(request), cause, next_step));
  };
  switch (outcome.failure) {
    case TransportFailure::Dns:
      return say(fmt::format("dial tcp: lookup {}: no such host", host),
                 "check the name of the registry and this machine's DNS");
    case TransportFailure::Refused:
      return say(fmt::format("dial tcp {}:{}: connect: connection refused", host,
                             request.url.port),
                 "nothing listens there: check the address and that the registry runs");
    case TransportFailure::Unreachable:
      return say(fmt::format("dial tcp {}:{}: connect: no route to host", host, request.url.port),
                 "check this machine's network, or set HTTPS_PROXY for the engine");
    case TransportFailure::ConnectTimeout:
      return say(fmt::format("dial tcp {}:{}: i/o timeout", host, request.url.port),
                 fmt::format("no answer within {} s: check the network and its firewall, or set "
                             "HTTPS_PROXY for the engine",
                             request.connect_timeout.count() / 1000));
    case TransportFailure::Tls:
      return say(fmt::format("tls: failed to verify certificate: {}", detail),
                 fmt::format("put the authority's certificate into /etc/wherry/certs.d/{0}/ca.crt, "
                             "or name {0} in \"insecure-registries\"",
                             request.url.authority()));
    case TransportFailure::Stalled:
      return say(fmt::format("{} sent nothing for {} s", host, request.stall_timeout.count()),
                 "try again: what was downloaded is kept");
    case TransportFailure::Broken:
      return say(fmt::format("connection to {} broke: {}", host, detail),
                 "try again: what was downloaded is kept");
    case TransportFailure::TooLarge:
      return Error::invalid(fmt::format("{}: {}", where(request), detail));
    case TransportFailure::Cancelled: return {ErrorKind::Cancelled, "context canceled"};
    case TransportFailure::Sink:
      if (outcome.error) return *outcome.error;
      [[fallthrough]];
    case TransportFailure::None:
    case TransportFailure::Other: break;
  }
  return {ErrorKind::Unavailable, fmt::format("{}: {}", where(request), detail)};
}

std::string registry_message(std::string_view body) {
  const ErrorBody parsed = parse_body(body);
  if (!parsed.errors || parsed.errors->empty()) {
    const std::string& text = parsed.details.empty() ? parsed.message : parsed.details;
    return tamed(text);
  }
  const BodyError& first = parsed.errors->front();
  std::string code = to_lower(first.code);
  std::ranges::replace(code, '_', ' ');
  const std::string& message = first.message.empty() ? code : first.message;
  return tamed(code) + ": " + tamed(message);
}

std::string registry_code(std::string_view body) {
  const ErrorBody parsed = parse_body(body);
  return parsed.errors && !parsed.errors->empty() ? parsed.errors->front().code : "";
}

Error status_error(const HttpRequest& request, const HttpResponse& response, Instant now) {
  if (response.status == 429)
    return {ErrorKind::Unavailable, too_many_requests(request, response, now)};
  std::string message = registry_message(response.body);
  if (response.status == 401) {
    if (message.empty()) message = "unauthorized: authentication required";
    return {ErrorKind::Unauthorized,
            fmt::format("{}: {} (log in with 'docker login {}')", where(request), message,
                        request.url.authority())};
  }
  if (response.status == 403) {
    if (message.empty()) message = "denied: requested access to the resource is denied";
    return {ErrorKind::Forbidden, message};
  }
  if (message.empty()) message = fmt::format("unexpected status {}", response.status);
  const ErrorKind kind = response.status == 404 ? ErrorKind::NotFound : ErrorKind::Unavailable;
  return {kind, fmt::format("{}: {} (status {})", where(request), message, response.status)};
}

Error pull_error(const spec::Reference& reference, const HttpRequest& request,
                 const HttpResponse& response, Instant now) {
  const std::string code = registry_code(response.body);
  std::string message = registry_message(response.body);
  const bool denied = code == "DENIED" || response.status == 403 ||
                      (response.status == 401 && reference.domain == spec::kDockerHub);
  if (denied) {
    if (code != "DENIED" || message.empty())
      message = "denied: requested access to the resource is denied";
    return Error::not_found(fmt::format(
        "pull access denied for {}, repository does not exist or may require 'docker login': {}",
        reference.familiar_name(), message));
  }
  if (response.status != 404) return status_error(request, response, now);
  if (code == "NAME_UNKNOWN")
    return Error::not_found(
        fmt::format("repository {} not found: {}", reference.familiar_name(), message));
  if (code.empty()) message = "manifest unknown: manifest unknown";
  return Error::not_found(fmt::format("manifest for {} not found: {}", reference.familiar(), message));
}

}  // namespace wherry::registry
