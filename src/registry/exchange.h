// Exchange: requests to one repository of one registry, with redirects followed, challenges
// answered and credentials kept at their origin. Safe from any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "registry/attempt.h"
#include "registry/auth.h"
#include "registry/client.h"
#include "registry/endpoint.h"
#include "registry/transport.h"

namespace wherry::registry {

// What to ask; where, is the endpoint's affair.
struct Call {
  std::string method = "GET";
  std::string path;        // "/v2/library/alpine/manifests/latest", below the endpoint's base
  std::optional<Url> url;  // instead of path: an upload's Location
  std::map<std::string, std::string> headers;
  std::string body;
  BlobSource* source = nullptr;
  std::uint64_t source_size = 0;
  std::function<void(std::uint64_t)> sent = {};
  BlobSink* sink = nullptr;
  Transport::Begin begin = {};
  std::size_t maximum_body = 1 << 20;
  std::stop_token stop;
};

struct Answer {
  HttpRequest request;  // the last one: an error names its URL
  HttpOutcome outcome;

  [[nodiscard]] bool ok() const {
    return outcome.failure == TransportFailure::None && outcome.response.ok();
  }
  // The Error that this answer is; only if not ok().
  [[nodiscard]] Error error() const;
};

// What all exchanges of one client share; it outlives them.
struct Services {
  const Settings& settings;
  Transport& transport;
  Authority& authority;
};

class Exchange {
 public:
  Exchange(const Services& services, Endpoint endpoint, Credentials credentials,
           std::vector<std::string> scopes);

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] bool answered() const { return shared_.lock()->answered; }

  // One attempt. An Error is one of policy (a refused realm or redirect) or of the token
  // server; whatever the registry itself said is an Answer.
  Result<Answer> once(const Call& call);
  // For calls without sink.
  Result<Answer> with_retry(const Call& call);
  // Asks for one more scope from now on; does nothing where no token is in use.
  Result<> add_scope(const std::string& scope, const std::stop_token& stop);
  // The identity token that came with the last authorisation; "" none.
  [[nodiscard]] std::string identity_token() const { return shared_.lock()->authorization.identity_token; }
  void ask_for_identity_token() { offline_ = true; }

 private:
  struct Shared {
    Authorization authorization;
    std::string challenge;
    std::vector<std::string> scopes;
    bool answered = false;
  };

  Result<HttpRequest> request_for(const Call& call, const Url& url) const;
  Result<std::optional<Url>> redirect_of(const HttpRequest& request,
                                         const HttpResponse& response) const;
  Result<> authorize(std::string challenge, const std::stop_token& stop);

  const Settings& settings_;
  Transport& transport_;
  Authority& authority_;
  const Endpoint endpoint_;
  const Credentials credentials_;
  bool offline_ = false;
  mutable Guarded<Shared> shared_;
};

}  // namespace wherry::registry
