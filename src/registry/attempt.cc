#include "registry/attempt.h"

#include <condition_variable>
#include <mutex>

#include "base/time.h"
#include "registry/retry.h"

namespace wherry::registry {

bool is_retryable(const HttpOutcome& outcome, Answered before) {
  switch (outcome.failure) {
    case TransportFailure::None: return is_retryable_status(outcome.response.status);
    case TransportFailure::Broken:
    case TransportFailure::Stalled: return true;
    case TransportFailure::Refused:
    case TransportFailure::Unreachable:
    case TransportFailure::ConnectTimeout:
    case TransportFailure::Dns: return before == Answered::Yes;
    default: return false;
  }
}

Result<> sleep_for(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
  if (stop.stop_requested()) return Error(ErrorKind::Cancelled, "context canceled");
  return {};
}

HttpOutcome perform_with_retry(const Settings& settings, Transport& transport,
                               const HttpRequest& request, Answered before) {
  for (int attempt = 1;; ++attempt) {
    HttpOutcome outcome = transport.perform(request);
    if (!is_retryable(outcome, before)) return outcome;
    const auto retry_after = parse_retry_after(outcome.response.header("retry-after"), now());
    const auto delay = retry_delay(settings, attempt + 1, retry_after);
    if (!delay || !sleep_for(*delay, request.stop)) return outcome;
    before = Answered::Yes;
  }
}

}  // namespace wherry::registry
