// What docker's API carries in queries and headers, read with docker's own leniency.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "http/query.h"
#include "spec/docker_system.h"

namespace wherry::api {

// "", 0, no, false and none (any case, blanks around) are false, everything else is true.
bool boolean(std::string_view text);
// True if `name` is absent, too.
bool boolean_or_true(const http::Query& query, std::string_view name);

// Absent or "": nullopt. Something else than a number is InvalidArgument.
Result<std::optional<std::int64_t>> integer(const http::Query& query, std::string_view name);

// Unix seconds with a fraction; "" and "0" are no limit.
Result<std::optional<Instant>> timestamp(const http::Query& query, std::string_view name);

// {"label":{"a=b":true}} as the CLI sends it, or {"label":["a=b"]} as older clients do. "" is
// no filter. A value of false is dropped, as docker does.
Result<std::map<std::string, std::vector<std::string>>> filters(std::string_view text);

// X-Registry-Auth: base64url of a JSON AuthConfig, padded or not. Like docker's, what cannot
// be read counts as no credentials.
spec::docker::AuthConfig registry_auth(std::string_view header);

// Both alphabets, padding optional; nullopt for anything else.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace wherry::api
