// What a registry answers: WWW-Authenticate, and Location of a redirect. No answer may lead a
// request to another scheme than http, or give a URL that is read differently the next time.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "registry/challenge.h"

namespace {

using namespace wherry;

void check_url(const registry::Url& url) {
  CHECK(url.scheme == "http" || url.scheme == "https");
  CHECK(!url.host.empty() && url.host.find('@') == std::string::npos);
  CHECK(!url.port.empty() && url.path.starts_with('/'));
  const auto again = registry::parse_url(url.str());
  CHECK(again && again->origin() == url.origin() && again->str() == url.str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const registry::Settings settings;
  const registry::Url base{
      .scheme = "https", .host = "r.example", .port = "443", .path = "/v2/", .query = ""};
  for (const auto& challenge : registry::parse_challenges(text)) {
    const auto realm = registry::allowed_realm(settings, base, challenge,
                                               registry::WithCredentials::Yes);
    if (!realm) continue;
    check_url(*realm);
    CHECK(realm->scheme == "https");
    CHECK(registry::same_site(realm->host, base.host));
  }
  if (const auto url = registry::parse_url(text)) check_url(*url);
  if (const auto url = registry::resolve_location(base, text)) check_url(*url);
  return 0;
}
