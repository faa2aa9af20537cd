#include "registry/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <string>

#include "base/strings.h"

namespace wherry::registry {

std::optional<std::chrono::seconds> parse_retry_after(std::string_view header, Instant now) {
  const std::string_view text = trim(header);
  if (const auto seconds = parse_u64(text)) {
    // A day stands for anything longer: it is refused anyway.
    return std::chrono::seconds(std::min<std::uint64_t>(*seconds, 86'400));
  }
  const std::string copy(text);
  const time_t when = curl_getdate(copy.c_str(), nullptr);
  if (when < 0) return std::nullopt;
  return std::chrono::seconds(std::max<std::int64_t>(0, when - to_unix_seconds(now)));
}

bool is_retryable_status(long status) {
  if (status == 408 || status == 425 || status == 429) return true;
  return status >= 500 && status < 600 && status != 501 && status != 505;
}

std::optional<std::chrono::milliseconds> retry_delay(
    const Settings& settings, int attempt, std::optional<std::chrono::seconds> retry_after) {
  if (attempt > settings.maximum_attempts) return std::nullopt;
  if (retry_after && *retry_after > settings.maximum_retry_after) return std::nullopt;
  const int doublings = std::clamp(attempt - 2, 0, 6);
  const std::chrono::milliseconds back_off = settings.first_retry_delay * (1 << doublings);
  if (retry_after) return std::max<std::chrono::milliseconds>(*retry_after, back_off);
  return back_off;
}

}  // namespace wherry::registry
