#include "registry/auth.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "registry/attempt.h"
#include "registry/failure.h"
#include "spec/json.h"

namespace wherry::registry {

struct TokenBody {
  std::string token;
  std::string access_token;
  std::string refresh_token;
  double expires_in = 0;
};

}  // namespace wherry::registry

template <>
struct wherry::json::Describe<wherry::registry::TokenBody> {
  using T = registry::TokenBody;
  static constexpr auto fields =
      std::tuple{field("token", &T::token), field("access_token", &T::access_token),
                 field("refresh_token", &T::refresh_token), field("expires_in", &T::expires_in)};
};

namespace wherry::registry {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaximumToken = 64 << 10;
// The specification's default when expires_in is missing, and the least that docker assumes.
constexpr double kShortestLife_s = 60;
constexpr double kLongestLife_s = 3600;
constexpr std::size_t kMaximumTokens = 1024;
constexpr std::string_view kClientId = "wherry";

std::string form(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (!text.empty()) text += '&';
    text += fmt::format("{}={}", name, percent_encode(value));
  }
  return text;
}

bool is_header_safe(std::string_view token) {
  return !token.empty() && token.size() <= kMaximumToken &&
         std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

Result<Authorization> Authority::authorize(const AuthRequest& request, Fresh fresh) {
  const auto challenges = parse_challenges(request.challenge);
  const auto bearer = std::ranges::find(challenges, Challenge::Scheme::Bearer, &Challenge::scheme);
  if (bearer == challenges.end()) {
    const bool basic = std::ranges::any_of(
        challenges, [](const Challenge& c) { return c.scheme == Challenge::Scheme::Basic; });
    if (!basic || request.credentials.username.empty())
      return Error(ErrorKind::Unauthorized, "no basic auth credentials");
    return Authorization{"Basic " + base64(request.credentials.username + ":" +
                                           request.credentials.password)};
  }
  if (!request.credentials.registry_token.empty())
    return Authorization{"Bearer " + request.credentials.registry_token};

  // The password is part of the key: one user's token never serves another's wrong password.
  const std::string key =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.endpoint->base.origin(), bearer->realm,
                  bearer->service, join(request.scopes, " "), request.credentials.username,
                  request.credentials.password + request.credentials.identity_token);
  if (fresh == Fresh::No) {
    auto tokens = tokens_.lock();
    if (const auto found = tokens->find(key);
        found != tokens->end() && found->second.expires > Clock::now())
      return Authorization{"Bearer " + found->second.text, found->second.refresh};
  }
  const Token token = TRY(fetch(request, *bearer));
  auto tokens = tokens_.lock();
  if (tokens->size() >= kMaximumTokens) tokens->clear();
  (*tokens)[key] = token;
  return Authorization{"Bearer " + token.text, token.refresh};
}

Result<HttpResponse> Authority::ask(const AuthRequest& request, const Challenge& challenge,
                                    const Url& realm) {
  HttpRequest http{.url = realm, .tls = request.endpoint->tls, .stop = request.stop};
  if (realm.host != request.endpoint->base.host) {
    http.tls = TRY(tls_for(settings_, realm.authority()));
    http.tls.verify = !is_insecure(settings_, realm.authority());
  }
  http.connect_timeout = settings_.connect_timeout;
  http.headers["User-Agent"] = settings_.user_agent;
  const Credentials& credentials = request.credentials;
  if (!credentials.identity_token.empty()) {
    http.method = "POST";
    http.headers["Content-Type"] = "application/x-www-form-urlencoded";
    http.body = form({{"grant_type", "refresh_token"},
                      {"refresh_token", credentials.identity_token},
                      {"service", challenge.service},
                      {"scope", join(request.scopes, " ")},
                      {"client_id", kClientId}});
  } else {
    http.url = with_query(http.url, "service", challenge.service);
    for (const std::string& scope : request.scopes) http.url = with_query(http.url, "scope", scope);
    if (!credentials.username.empty()) {
      http.url = with_query(http.url, "account", credentials.username);
      http.url = with_query(http.url, "client_id", kClientId);
      if (request.offline) http.url = with_query(http.url, "offline_token", "true");
      http.headers["Authorization"] =
          "Basic " + base64(credentials.username + ":" + credentials.password);
    }
  }
  const HttpOutcome outcome = perform_with_retry(settings_, transport_, http);
  if (outcome.failure != TransportFailure::None) return transport_error(http, outcome);
  if (!outcome.response.ok()) return status_error(http, outcome.response, now());
  return outcome.response;
}

Result<Authority::Token> Authority::fetch(const AuthRequest& request, const Challenge& challenge) {
  const auto with_credentials =
      request.credentials.empty() ? WithCredentials::No : WithCredentials::Yes;
  const Url realm =
      TRY(allowed_realm(settings_, request.endpoint->base, challenge, with_credentials));
  const HttpResponse response = TRY(ask(request, challenge, realm));
  auto body = TRY_AS("answer of the token server " + realm.authority(),
                     json::parse<TokenBody>(response.body));
  Token token{.text = body.token.empty() ? body.access_token : body.token,
              .refresh = body.refresh_token};
  if (!is_header_safe(token.text))
    return Error::invalid("authorization server did not include a token in the response");
  const double life_s = std::clamp(body.expires_in, kShortestLife_s, kLongestLife_s);
  token.expires = Clock::now() + std::chrono::milliseconds(static_cast<int>(life_s * 900));
  return token;
}

}  // namespace wherry::registry
