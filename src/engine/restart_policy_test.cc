#include "engine/restart_policy.h"

#include <gtest/gtest.h>

namespace wherry::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RestartPolicy policy(const std::string& name, std::int64_t retries = 0) {
  return RestartPolicy::parse(name, retries).value();
}

TEST(RestartPolicy, an_unknown_name_is_refused_with_dockers_words) {
  const auto parsed = RestartPolicy::parse("sometimes", 0);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message(),
            "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', "
            "'on-failure', or 'unless-stopped'");
}

TEST(RestartPolicy, a_retry_count_needs_on_failure) {
  EXPECT_FALSE(RestartPolicy::parse("always", 3));
  EXPECT_FALSE(RestartPolicy::parse("on-failure", -1));
  EXPECT_TRUE(RestartPolicy::parse("on-failure", 3));
}

TEST(RestartPolicy, no_never_restarts) {
  EXPECT_FALSE(should_restart(policy(""), {}, 1));
  EXPECT_FALSE(should_restart(policy("no"), {}, 1));
}

TEST(RestartPolicy, always_restarts_after_success_and_failure) {
  EXPECT_TRUE(should_restart(policy("always"), {}, 0));
  EXPECT_TRUE(should_restart(policy("always"), {}, 137));
}

TEST(RestartPolicy, on_failure_counts_its_retries) {
  EXPECT_FALSE(should_restart(policy("on-failure", 2), {}, 0));
  EXPECT_TRUE(should_restart(policy("on-failure", 2), {.restart_count = 1}, 1));
  EXPECT_FALSE(should_restart(policy("on-failure", 2), {.restart_count = 2}, 1));
  EXPECT_TRUE(should_restart(policy("on-failure"), {.restart_count = 1000}, 1));
}

TEST(RestartPolicy, a_users_stop_is_final_while_the_engine_runs) {
  EXPECT_FALSE(should_restart(policy("always"), {.stopped_by_user = true}, 143));
  EXPECT_FALSE(should_restart(policy("unless-stopped"), {.stopped_by_user = true}, 143));
}

TEST(RestartPolicy, an_engine_start_brings_always_back_but_not_a_stopped_unless_stopped) {
  const RestartHistory stopped{.stopped_by_user = true};
  EXPECT_TRUE(should_restart_at_engine_start(policy("always"), stopped, 143));
  EXPECT_FALSE(should_restart_at_engine_start(policy("unless-stopped"), stopped, 143));
  EXPECT_TRUE(should_restart_at_engine_start(policy("unless-stopped"), {}, 0));
  EXPECT_FALSE(should_restart_at_engine_start(policy("no"), {}, 1));
}

TEST(RestartPolicy, the_delay_doubles_up_to_a_minute) {
  milliseconds delay{0};
  milliseconds expected{100};
  for (int i = 0; i < 20; ++i) {
    delay = next_delay(delay, seconds(1));
    EXPECT_EQ(delay, std::min(expected, milliseconds(60'000)));
    expected *= 2;
  }
}

TEST(RestartPolicy, ten_seconds_of_running_reset_the_delay) {
  EXPECT_EQ(next_delay(milliseconds(6400), seconds(10)), milliseconds(100));
  EXPECT_EQ(next_delay(milliseconds(6400), milliseconds(9'999)), milliseconds(12'800));
}

}  // namespace
}  // namespace wherry::engine
