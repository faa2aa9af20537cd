// WWW-Authenticate: what a registry asks for, and whom credentials may be shown to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/settings.h"
#include "registry/url.h"

namespace wherry::registry {

struct Challenge {
  enum class Scheme : std::uint8_t { Basic, Bearer };
  Scheme scheme = Scheme::Basic;
  std::string realm;
  std::string service;
  std::string scope;
  std::string error;  // "insufficient_scope", "invalid_token"
};

// All challenges of one header (RFC 9110, 11.6.1); unknown schemes are left out. A header above
// 8 KiB or one that is no list of challenges gives none.
std::vector<Challenge> parse_challenges(std::string_view header);

enum class WithCredentials : bool { No, Yes };
// The realm as a URL, if the token request may go there: https, or http where both the
// registry and the realm are insecure registries by configuration; no address of a private
// network unless it is the registry's own host; credentials only to the registry's own site.
// Error: Forbidden, naming registry and realm (gauntlet F02).
Result<Url> allowed_realm(const Settings& settings, const Url& registry, const Challenge& challenge,
                          WithCredentials with_credentials);

}  // namespace wherry::registry
