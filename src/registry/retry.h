// When a failed request is tried again, and after how long. Pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "registry/settings.h"

namespace wherry::registry {

// Retry-After: seconds, or an HTTP date as seen from `now`; nullopt if it is neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view header, Instant now);

// 408, 425, 429 and 5xx but 501 and 505.
bool is_retryable_status(long status);

// How long to wait before attempt number `attempt` (2 is the first retry), or nullopt: give
// up. A Retry-After above Settings::maximum_retry_after gives up at once, since waiting less
// would be refused again and waiting so long helps nobody at a terminal.
std::optional<std::chrono::milliseconds> retry_delay(
    const Settings& settings, int attempt, std::optional<std::chrono::seconds> retry_after);

}  // namespace wherry::registry
