// What users read when a registry does not do what was asked: host, cause, next step, with
// docker's words inside.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "registry/transport.h"
#include "spec/reference.h"

namespace wherry::registry {

// An exchange without an answer: DNS, refused, timeout, TLS ...
Error transport_error(const HttpRequest& request, const HttpOutcome& outcome);

// "manifest unknown: manifest unknown", "denied: requested access ...": the first error of a
// registry's JSON body as docker prints it; "" if the body has none.
std::string registry_message(std::string_view body);
// The code of it ("MANIFEST_UNKNOWN"), or "".
std::string registry_code(std::string_view body);

// A refusal (status 4xx, 5xx) of any request, with its URL.
Error status_error(const HttpRequest& request, const HttpResponse& response, Instant now);
// The refusal of a manifest that was to be pulled, in docker's words.
Error pull_error(const spec::Reference& reference, const HttpRequest& request,
                 const HttpResponse& response, Instant now);

}  // namespace wherry::registry
