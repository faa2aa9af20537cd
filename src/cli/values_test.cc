#include "cli/values.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace wherry::cli {
namespace {

template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "" : result.error().message();
}

TEST(ParseInt, chooses_the_base_by_prefix) {
  EXPECT_EQ(*parse_int("42"), 42);
  EXPECT_EQ(*parse_int("-42"), -42);
  EXPECT_EQ(*parse_int("+7"), 7);
  EXPECT_EQ(*parse_int("0x10"), 16);
  EXPECT_EQ(*parse_int("0b11"), 3);
  EXPECT_EQ(*parse_int("017"), 15);
  EXPECT_EQ(*parse_int("0"), 0);
  EXPECT_EQ(*parse_int("-9223372036854775808"), INT64_MIN);
}

TEST(ParseInt, refuses_in_gos_words) {
  EXPECT_EQ(error_of(parse_int("")), "strconv.ParseInt: parsing \"\": invalid syntax");
  EXPECT_EQ(error_of(parse_int("1.5")), "strconv.ParseInt: parsing \"1.5\": invalid syntax");
  EXPECT_EQ(error_of(parse_int("9223372036854775808")),
            "strconv.ParseInt: parsing \"9223372036854775808\": value out of range");
  EXPECT_EQ(error_of(parse_uint("-1")), "strconv.ParseUint: parsing \"-1\": invalid syntax");
}

TEST(ParseMemory, knows_units) {
  EXPECT_EQ(*parse_memory("64m"), 64 << 20);
  EXPECT_EQ(*parse_memory("1.5gib"), 1610612736);
  EXPECT_EQ(*parse_memory("5 M"), 5 << 20);
  EXPECT_EQ(*parse_memory("10b"), 10);
  EXPECT_EQ(*parse_memory("2kb"), 2048);
  EXPECT_EQ(*parse_memory("7"), 7);
}

TEST(ParseMemory, refuses_in_dockers_words) {
  EXPECT_EQ(error_of(parse_memory("abc")), "invalid size: 'abc'");
  EXPECT_EQ(error_of(parse_memory("-1")), "invalid size: '-1'");
  EXPECT_EQ(error_of(parse_memory("1q")), "invalid suffix: 'q'");
  EXPECT_EQ(error_of(parse_memory("1gbb")), "invalid suffix: 'gbb'");
  EXPECT_FALSE(parse_memory("99999999999p"));
}

TEST(ParseSwap, minus_one_is_no_limit) {
  EXPECT_EQ(*parse_swap("-1"), -1);
  EXPECT_FALSE(parse_swap("-2"));
}

TEST(ParseCpus, is_exact) {
  EXPECT_EQ(*parse_cpus("1.5"), 1'500'000'000);
  EXPECT_EQ(*parse_cpus(".5"), 500'000'000);
  EXPECT_EQ(*parse_cpus("1/2"), 500'000'000);
  EXPECT_EQ(*parse_cpus("1e-1"), 100'000'000);
  EXPECT_EQ(error_of(parse_cpus("0.0000000001")), "value is too precise");
  EXPECT_EQ(error_of(parse_cpus("a")), "failed to parse a as a rational number");
  EXPECT_FALSE(parse_cpus("1/0"));
}

TEST(ParseUlimit, has_soft_and_hard) {
  EXPECT_EQ(parse_ulimit("nofile=5:6")->hard, 6);
  EXPECT_EQ(parse_ulimit("nofile=5")->hard, 5);
  EXPECT_EQ(parse_ulimit("core=-1")->soft, -1);
}

TEST(ParseUlimit, refuses_in_dockers_words) {
  EXPECT_EQ(error_of(parse_ulimit("x")), "invalid ulimit argument: x");
  EXPECT_EQ(error_of(parse_ulimit("foo=1")), "invalid ulimit type: foo");
  EXPECT_EQ(error_of(parse_ulimit("nofile=1:2:3")),
            "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`");
  EXPECT_EQ(error_of(parse_ulimit("nofile=10:5")),
            "ulimit soft limit must be less than or equal to hard limit: 10 > 5");
  EXPECT_EQ(
      error_of(parse_ulimit("nofile=-1:5")),
      "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 5");
}

TEST(ParseTimestamp, takes_what_docker_takes) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const Instant now{std::chrono::seconds(1000)};
  EXPECT_EQ(parse_timestamp("10m", now), "400");
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:05Z", now), "5.000000000");
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:05.25+00:00", now), "5.250000000");
  EXPECT_EQ(parse_timestamp("1970-01-02T00:00:00", now), "86400.000000000");
  EXPECT_EQ(parse_timestamp("1970-01-02", now), "86400.000000000");
  EXPECT_EQ(parse_timestamp("1970-01-02T00:00:00.5", now), "86400.500000000");
  EXPECT_EQ(parse_timestamp("1700000000.5", now), "1700000000.5");
  EXPECT_EQ(parse_timestamp("0", now), "0");
  EXPECT_EQ(parse_timestamp("9999-01-01", now), "253370764800.000000000");
  EXPECT_EQ(parse_timestamp("0001-01-01T00:00:00Z", now), "-62135596800.000000000");
  EXPECT_FALSE(parse_timestamp("foo", now));
}

Result<> check(const char* command, const char* flag, const char* value) {
  return check_value(*find_command(command)->flag(flag), value);
}

TEST(CheckValue, knows_the_rules_of_special_flags) {
  EXPECT_EQ(error_of(check("run", "env", "=x")), "invalid environment variable: =x");
  EXPECT_EQ(error_of(check("run", "env", "")), "invalid environment variable: ");
  EXPECT_EQ(error_of(check("run", "sysctl", "a=b")), "sysctl 'a=b' is not allowed");
  EXPECT_TRUE(check("run", "sysctl", "net.ipv4.ip_forward=1"));
  for (const char* rule : {"c 7:128 rwm", "b *:* r", "a *:1 m"})
    EXPECT_TRUE(check("run", "device-cgroup-rule", rule)) << rule;
  for (const char* rule : {"", "a", "x 1:2 r", "c 1:2", "c 1:2 x", "c  1:2 r", "c 1:2 rwmr", "c 1 r", "c -1:2 r"})
    EXPECT_EQ(error_of(check("run", "device-cgroup-rule", rule)),
              std::string("invalid device cgroup format '") + rule + "'");
  EXPECT_TRUE(check("run", "sysctl", "kernel.shm_rmid_forced=1"));
  EXPECT_EQ(error_of(check("ps", "filter", "x")), "bad format of filter (expected name=value)");
  EXPECT_FALSE(check("run", "blkio-weight", "70000"));
  EXPECT_TRUE(check("run", "memory-swap", "-1"));
  EXPECT_FALSE(check("run", "memory", "-1"));
}

}  // namespace
}  // namespace wherry::cli
