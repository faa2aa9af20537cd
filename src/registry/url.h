// Url: an absolute http(s) URL, parsed by libcurl's own parser so that what we check is what
// is requested. Users and fragments are refused: credentials never travel in a URL.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::registry {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; IPv6 in brackets
  std::string port;    // always set: the scheme's default where the text has none
  std::string path;    // begins with "/"
  std::string query;   // without "?"

  [[nodiscard]] std::string str() const;
  // "https://host:port", what credentials belong to.
  [[nodiscard]] std::string origin() const { return scheme + "://" + host + ":" + port; }
  // "host:port", without the scheme's default port.
  [[nodiscard]] std::string authority() const;
};

Result<Url> parse_url(std::string_view text);
// `location` (absolute or relative) as a redirect of `base`.
Result<Url> resolve_location(const Url& base, std::string_view location);
// Everything but unreserved characters as %XX.
std::string percent_encode(std::string_view text);
// `url` with "key=value" added to its query, the value encoded.
Url with_query(Url url, std::string_view key, std::string_view value);

// "127.0.0.0/8", "::1", "localhost" (without brackets).
bool is_loopback_host(std::string_view host);
// An address of a private, link-local, loopback or unspecified range; names are not addresses.
bool is_private_address(std::string_view host);
// May one site's credentials go to the other? Equal hosts, or names below one registrable
// domain (the last two labels; three under two-letter domains with a short second label,
// as co.uk). Addresses are a site of their own.
bool same_site(std::string_view host_a, std::string_view host_b);

}  // namespace wherry::registry
