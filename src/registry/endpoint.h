// Endpoint: one base URL that serves a registry's domain, and how it is trusted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/settings.h"
#include "registry/transport.h"
#include "registry/url.h"

namespace wherry::registry {

enum class Action : std::uint8_t;

struct Endpoint {
  Url base;             // its path ends without "/v2/"
  bool mirror = false;  // anonymous only: no credentials of docker.io go to a mirror
  Tls tls;
};

// In the order in which they are tried: for a pull from docker.io its mirrors first, then the
// hub; for an insecure registry https (unverified), then http; else https alone.
Result<std::vector<Endpoint>> endpoints_for(const Settings& settings, std::string_view domain,
                                            Action action);

// The certs.d directories' answer for "host[:port]": authorities and a client certificate.
// A certificate without its key is an error, as docker's.
Result<Tls> tls_for(const Settings& settings, std::string_view domain);

}  // namespace wherry::registry
