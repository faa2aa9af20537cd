// What a user configures about registries: daemon.json's keys, certs.d, the environment's proxies.
// Plain data and pure functions.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::registry {

// As docker's clients send them in X-Registry-Auth.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token
  std::string registry_token;  // a bearer token, used as it is
  std::string server_address;

  [[nodiscard]] bool empty() const {
    return username.empty() && identity_token.empty() && registry_token.empty();
  }
};

struct Settings {
  std::vector<std::string> mirrors;              // "registry-mirrors": docker.io, pull only
  std::vector<std::string> insecure_registries;  // host, host:port or CIDR; loopback always is
  // Each may hold <host[:port]>/{*.crt CA, *.cert + *.key client}; the first that exists wins.
  std::vector<std::string> certificate_directories = {"/etc/wherry/certs.d",
                                                      "/etc/docker/certs.d"};
  std::string user_agent = "wherry/" WHERRY_VERSION;
  int maximum_attempts = 5;
  std::chrono::seconds connect_timeout{8};  // so that "no route" is told within 10 s
  std::chrono::seconds stall_timeout{60};   // no byte for so long: a new attempt
  std::chrono::seconds maximum_retry_after{120};
  std::chrono::milliseconds first_retry_delay{500};  // doubled for each attempt
};

// Refuses (InvalidArgument) what dockerd refuses: mirrors that are no plain http(s) URL
// (user, query, fragment), insecure registries that carry a scheme.
Result<> check(const Settings& settings);

// Host of "host[:port]", "[::1]:5000" without brackets.
std::string_view host_of(std::string_view domain);
// May plain http and unverified certificates be used for this "host[:port]"? True for
// 127.0.0.0/8, ::1, localhost, and what insecure_registries names. Addresses only are matched
// with CIDRs: no name is resolved for this question.
bool is_insecure(const Settings& settings, std::string_view domain);

}  // namespace wherry::registry
