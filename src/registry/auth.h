// Authority: turns a challenge into an Authorization header, by basic credentials or by docker's
// token protocol (GET with basic auth, or OAuth2 POST with a refresh token), and keeps
// tokens until they expire. Safe from any thread.
#pragma once

#include <chrono>
#include <map>
#include <stop_token>
#include <string>

#include "base/guarded.h"
#include "base/result.h"
#include "registry/challenge.h"
#include "registry/endpoint.h"
#include "registry/settings.h"
#include "registry/transport.h"

namespace wherry::registry {

struct AuthRequest {
  const Endpoint* endpoint = nullptr;
  Credentials credentials;          // empty for mirrors
  std::vector<std::string> scopes;  // "repository:library/alpine:pull"
  std::string challenge;            // the WWW-Authenticate header
  bool offline = false;             // ask for an identity token too (login)
  std::stop_token stop;
};

struct Authorization {
  std::string header;          // "Bearer ...", "Basic ..."; "" none wanted
  std::string identity_token;  // the refresh token that came with it
};

class Authority {
 public:
  Authority(const Settings& settings, Transport& transport)
      : settings_(settings), transport_(transport) {}

  enum class Fresh : bool { No, Yes };  // Yes: a cached token was refused
  // Unauthorized "no basic auth credentials" where basic auth is asked for and none is there.
  Result<Authorization> authorize(const AuthRequest& request, Fresh fresh);

 private:
  struct Token {
    std::string text;
    std::string refresh;
    std::chrono::steady_clock::time_point expires;
  };
  Result<Token> fetch(const AuthRequest& request, const Challenge& challenge);
  Result<HttpResponse> ask(const AuthRequest& request, const Challenge& challenge, const Url& realm);

  const Settings& settings_;
  Transport& transport_;
  Guarded<std::map<std::string, Token>> tokens_;
};

std::string base64(std::string_view bytes);

}  // namespace wherry::registry
