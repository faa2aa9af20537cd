#include "registry/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "registry/failure.h"
#include "registry/retry.h"

namespace wherry::registry {
namespace {

constexpr int kMaximumRedirects = 10;
constexpr int kMaximumChallenges = 2;
// https is only tried before http where http is allowed too: do not wait long for a server
// that does not understand the handshake.
constexpr std::chrono::milliseconds kInsecureConnectTimeout{3'000};

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Error Answer::error() const {
  if (outcome.failure != TransportFailure::None) return transport_error(request, outcome);
  return status_error(request, outcome.response, now());
}

Exchange::Exchange(const Services& services, Endpoint endpoint, Credentials credentials,
                   std::vector<std::string> scopes)
    : settings_(services.settings),
      transport_(services.transport),
      authority_(services.authority),
      endpoint_(std::move(endpoint)),
      credentials_(std::move(credentials)) {
  shared_.lock()->scopes = std::move(scopes);
}

Result<HttpRequest> Exchange::request_for(const Call& call, const Url& url) const {
  HttpRequest request{.method = call.method,
                      .url = url,
                      .headers = call.headers,
                      .body = call.body,
                      .source = call.source,
                      .source_size = call.source_size,
                      .sent = call.sent,
                      .tls = endpoint_.tls,
                      .connect_timeout = settings_.connect_timeout,
                      .stall_timeout = settings_.stall_timeout,
                      .maximum_body = call.maximum_body,
                      .stop = call.stop};
  request.headers["User-Agent"] = settings_.user_agent;
  if (!endpoint_.tls.verify && url.scheme == "https")
    request.connect_timeout = std::min(request.connect_timeout, kInsecureConnectTimeout);
  if (url.host != endpoint_.base.host) {
    request.tls = TRY(tls_for(settings_, url.authority()));
    request.tls.verify = !is_insecure(settings_, url.authority());
  }
  // The one place where credentials enter a request: only for the endpoint's own origin.
  if (url.origin() == endpoint_.base.origin()) {
    auto shared = shared_.lock();
    if (!shared->authorization.header.empty())
      request.headers["Authorization"] = shared->authorization.header;
  }
  return request;
}

Result<std::optional<Url>> Exchange::redirect_of(const HttpRequest& request,
                                                 const HttpResponse& response) const {
  const std::string_view location = response.header("location");
  if (!is_redirect(response.status) || location.empty()) return std::nullopt;
  Url next = TRY_AS("redirect of " + request.url.authority(),
                    resolve_location(request.url, location));
  const bool downgrade = request.url.scheme == "https" && next.scheme == "http";
  if (downgrade && !is_insecure(settings_, next.authority()))
    return Error(ErrorKind::Forbidden,
                 fmt::format("redirect of {} from https to plain http ({}) is refused",
                             request.url.authority(), next.authority()));
  return next;
}

Result<> Exchange::authorize(std::string challenge, const std::stop_token& stop) {
  AuthRequest request{.endpoint = &endpoint_,
                      .credentials = credentials_,
                      .challenge = std::move(challenge),
                      .offline = offline_,
                      .stop = stop};
  auto fresh = Authority::Fresh::No;
  {
    auto shared = shared_.lock();
    request.scopes = shared->scopes;
    if (!shared->authorization.header.empty()) fresh = Authority::Fresh::Yes;
  }
  Authorization authorization = TRY(authority_.authorize(request, fresh));
  auto shared = shared_.lock();
  shared->authorization = std::move(authorization);
  shared->challenge = std::move(request.challenge);
  return {};
}

Result<Answer> Exchange::once(const Call& call) {
  Url url = call.url.value_or(endpoint_.base);
  if (!call.url) {
    const auto parts = call.path.find('?');
    url.path += call.path.substr(0, parts);
    if (parts != std::string::npos) url.query = call.path.substr(parts + 1);
  }
  int redirects = 0;
  int challenges = 0;
  while (true) {
    if (call.source != nullptr) TRY(call.source->rewind());
    Answer answer{.request = TRY(request_for(call, url))};
    answer.outcome = transport_.perform(answer.request, call.sink, call.begin);
    if (answer.outcome.failure != TransportFailure::None) return answer;
    shared_.lock()->answered = true;
    const HttpResponse& response = answer.outcome.response;
    if (auto next = TRY(redirect_of(answer.request, response))) {
      if (++redirects > kMaximumRedirects)
        return Error(ErrorKind::Unavailable, fmt::format("Get \"{}\": stopped after {} redirects",
                                                         url.str(), kMaximumRedirects));
      url = *std::move(next);
      continue;
    }
    const bool asks = response.status == 401 && url.origin() == endpoint_.base.origin() &&
                      !response.header("www-authenticate").empty();
    if (!asks || ++challenges > kMaximumChallenges) return answer;
    auto authorized = authorize(std::string(response.header("www-authenticate")), call.stop);
    if (authorized) continue;
    if (authorized.error().kind() != ErrorKind::Unauthorized) return std::move(authorized).error();
    // Nothing to show, or the token server refused: what the registry said stands.
    if (credentials_.empty() && challenges == 1 && response.body.find("errors") != std::string::npos)
      return answer;
    return std::move(authorized).error().within(
        fmt::format("{} \"{}\"", call.method == "HEAD" ? "Head" : "Get", url.str()));
  }
}

Result<Answer> Exchange::with_retry(const Call& call) {
  for (int attempt = 1;; ++attempt) {
    const auto before = answered() ? Answered::Yes : Answered::No;
    Answer answer = TRY(once(call));
    if (!is_retryable(answer.outcome, before)) return answer;
    const auto retry_after =
        parse_retry_after(answer.outcome.response.header("retry-after"), now());
    const auto delay = retry_delay(settings_, attempt + 1, retry_after);
    if (!delay) return answer;
    TRY(sleep_for(*delay, call.stop));
  }
}

Result<> Exchange::add_scope(const std::string& scope, const std::stop_token& stop) {
  std::string challenge;
  {
    auto shared = shared_.lock();
    if (std::ranges::find(shared->scopes, scope) != shared->scopes.end()) return {};
    shared->scopes.push_back(scope);
    challenge = shared->challenge;
    if (challenge.empty()) return {};
    shared->authorization.header.clear();
  }
  return authorize(std::move(challenge), stop);
}

}  // namespace wherry::registry
