// Attempts: one exchange, tried again as retry.h allows.
#pragma once

#include <chrono>
#include <stop_token>

#include "base/result.h"
#include "registry/settings.h"
#include "registry/transport.h"

namespace wherry::registry {

// Is it worth another try? A broken, stalled or refused-for-now exchange is; so is a failed
// connect once the registry has answered before.
enum class Answered : bool { No, Yes };
bool is_retryable(const HttpOutcome& outcome, Answered before);

// Blocks; Cancelled as soon as `stop` is requested.
Result<> sleep_for(std::chrono::milliseconds delay, const std::stop_token& stop);

// Answers that are kept whole (no sink). The last outcome if every attempt failed.
HttpOutcome perform_with_retry(const Settings& settings, Transport& transport,
                               const HttpRequest& request, Answered before = Answered::No);

}  // namespace wherry::registry
