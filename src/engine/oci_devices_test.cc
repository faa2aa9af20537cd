#include "engine/oci_devices.h"

#include <gtest/gtest.h>

#include "engine/oci_config.h"

namespace wherry::engine {
namespace {

TEST(DeviceRule, numbers_and_stars) {
  const auto rule = device_rule("c 7:* rw");
  ASSERT_TRUE(rule);
  EXPECT_TRUE(rule->allow);
  EXPECT_EQ(rule->type, "c");
  EXPECT_EQ(rule->major, 7);
  EXPECT_FALSE(rule->minor);
  EXPECT_EQ(rule->access, "rw");
}

TEST(DeviceRule, what_is_none_is_refused_in_dockers_words) {
  for (const char* text : {"", "a", "x 1:2 r", "c 1:2", "c 1:2 x", "c  1:2 r", "c 1 r", "c -1:2 r",
                           "c 1:2 rwmr", "c 99999999999:1 r", "c 1:2 r\n"}) {
    const auto rule = device_rule(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().message(),
              std::string("invalid device cgroup rule format: '") + text + "'");
    EXPECT_EQ(rule.error().kind(), ErrorKind::InvalidArgument);
  }
}

TEST(MemoryLimits, a_swappiness_of_zero_is_one_and_minus_one_is_none) {
  spec::docker::HostConfig host;
  EXPECT_FALSE(resources_of(host).memory);
  host.memory_swappiness = -1;
  EXPECT_FALSE(resources_of(host).memory);
  host.memory_swappiness = 0;
  ASSERT_TRUE(resources_of(host).memory);
  EXPECT_EQ(resources_of(host).memory->swappiness, 0U);
}

}  // namespace
}  // namespace wherry::engine
