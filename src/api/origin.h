// Cross-site requests: a web page in a browser must not be able to drive an engine that
// listens on TCP (DNS rebinding, CVE-2025-9074's class).
#pragma once

#include "base/result.h"
#include "http/message.h"

namespace wherry::api {

// Over TCP: refuses (Forbidden) requests with an Origin, and those whose Host is a name other
// than localhost. docker does neither; an address or an ssh:// tunnel works as there.
Result<> check_origin(const http::Request& request);

}  // namespace wherry::api
