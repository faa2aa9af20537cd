#include "registry/retry.h"

#include <gtest/gtest.h>

namespace wherry::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RetryAfter, is_seconds_or_a_date) {
  const Instant now = *parse_rfc3339("2026-11-23T21:00:00Z");
  EXPECT_EQ(parse_retry_after("7", now), seconds(7));
  EXPECT_EQ(parse_retry_after(" 0 ", now), seconds(0));
  EXPECT_EQ(parse_retry_after("Mon, 23 Nov 2026 21:01:00 GMT", now), seconds(60));
  EXPECT_EQ(parse_retry_after("Mon, 23 Nov 2026 20:00:00 GMT", now), seconds(0));
  EXPECT_EQ(parse_retry_after("99999999999999999", now), seconds(86'400));
  EXPECT_FALSE(parse_retry_after("soon", now));
  EXPECT_FALSE(parse_retry_after("", now));
  EXPECT_FALSE(parse_retry_after("-1", now));
}

TEST(RetryDelay, doubles_and_ends_after_five_attempts) {
  const Settings settings;
  EXPECT_EQ(retry_delay(settings, 2, {}), milliseconds(500));
  EXPECT_EQ(retry_delay(settings, 3, {}), milliseconds(1000));
  EXPECT_EQ(retry_delay(settings, 5, {}), milliseconds(4000));
  EXPECT_FALSE(retry_delay(settings, 6, {}));
}

TEST(RetryDelay, honours_retry_after_up_to_its_cap) {
  const Settings settings;
  EXPECT_EQ(retry_delay(settings, 2, seconds(10)), milliseconds(10'000));
  EXPECT_EQ(retry_delay(settings, 2, seconds(0)), milliseconds(500));
  EXPECT_FALSE(retry_delay(settings, 2, seconds(121)));
}

TEST(RetryableStatus, is_what_may_pass) {
  for (const long status : {408L, 425L, 429L, 500L, 502L, 503L, 504L})
    EXPECT_TRUE(is_retryable_status(status)) << status;
  for (const long status : {200L, 301L, 400L, 401L, 403L, 404L, 416L, 501L, 505L, 600L})
    EXPECT_FALSE(is_retryable_status(status)) << status;
}

}  // namespace
}  // namespace wherry::registry
