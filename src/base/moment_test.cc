#include "base/moment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <limits>

namespace wherry {
namespace {

using namespace std::chrono_literals;

template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "no error" : result.error().message();
}

TEST(ParseDuration, is_gos) {
  EXPECT_EQ(*parse_duration("1h2m3s"), 3723s);
  EXPECT_EQ(*parse_duration("1.5ms"), 1500us);
  EXPECT_EQ(*parse_duration(".5s"), 500ms);
  EXPECT_EQ(*parse_duration("5.s"), 5s);
  EXPECT_EQ(*parse_duration("1µs"), 1us);
  EXPECT_EQ(*parse_duration("-2s"), -2s);
  EXPECT_EQ(*parse_duration("+2s"), 2s);
  EXPECT_EQ(*parse_duration("1s1h"), 3601s);
  EXPECT_EQ(*parse_duration("0"), 0s);
  EXPECT_EQ(*parse_duration("-0"), 0s);
}

TEST(ParseDuration, refuses_in_gos_words) {
  EXPECT_EQ(error_of(parse_duration("3")), "time: missing unit in duration \"3\"");
  EXPECT_EQ(error_of(parse_duration("1h3")), "time: missing unit in duration \"1h3\"");
  EXPECT_EQ(error_of(parse_duration("3x")), "time: unknown unit \"x\" in duration \"3x\"");
  EXPECT_EQ(error_of(parse_duration("1h 2m")), "time: unknown unit \"h \" in duration \"1h 2m\"");
  for (const char* text : {"", "x", "-", "+", ".", ".s", "1.2.3s", "--1s"})
    EXPECT_EQ(error_of(parse_duration(text)), "time: invalid duration \"" + std::string(text) + "\"");
}

TEST(ParseDuration, ends_at_292_years) {
  EXPECT_TRUE(parse_duration("2555555h"));
  for (const char* text : {"2562048h", "9999999999999999999999s", "-2562048h"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_FALSE(parse_duration(std::string(400, '9') + "s"));
}

class MomentTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
  static constexpr Instant kNow{1000s};
};

TEST_F(MomentTest, an_age_is_taken_off_now) {
  EXPECT_EQ(parse_moment("10m", kNow), Instant(400s));
  EXPECT_EQ(parse_moment("1.5s", kNow), Instant(998500ms));
  EXPECT_EQ(parse_moment("-10s", kNow), Instant(1010s));
}

TEST_F(MomentTest, zero_is_the_epoch_and_no_age) {
  EXPECT_EQ(parse_moment("0", kNow), Instant(0s));
  EXPECT_EQ(parse_moment("0s", kNow), kNow);
}

TEST_F(MomentTest, takes_dockers_forms) {
  EXPECT_EQ(parse_moment("1970-01-01T00:00:05Z", kNow), Instant(5s));
  EXPECT_EQ(parse_moment("1970-01-01T00:00:05.25+00:00", kNow), Instant(5250ms));
  EXPECT_EQ(parse_moment("1970-01-02T00:00:01.5", kNow), Instant(86'401'500ms));
  EXPECT_EQ(parse_moment("1970-01-02T00:01", kNow), Instant(86'460s));
  EXPECT_EQ(parse_moment("1970-01-02T00:01Z", kNow), Instant(86'460s));
  EXPECT_EQ(parse_moment("1970-01-02T01", kNow), Instant(90'000s));
  EXPECT_EQ(parse_moment("1970-01-02T03+02:00", kNow), Instant(90'000s));
  EXPECT_EQ(parse_moment("1970-01-02", kNow), Instant(86'400s));
  EXPECT_EQ(parse_moment("1970-01-02Z", kNow), Instant(86'400s));
  EXPECT_EQ(parse_moment("1700000000.5", kNow), Instant(1'700'000'000'500ms));
}

TEST_F(MomentTest, refuses_everything_else) {
  for (const char* text : {"", "soon", "1970-01-02 00:00", "1970-13-01", "1970-02-30", "1970-01-02T25", "1970-01-02T",
                           "1970-01-02T10:", "1970-01-02T10:60", "1970-01-02T10:00:61", "1970-01-02T10:00:00.",
                           "1970-01-02.x", "1970-01-02T10.5", "1970-01-02Zz", "1970-01-02T10+2", "5 m", "12:00"})
    EXPECT_FALSE(parse_moment(text, kNow)) << text;
}

TEST_F(MomentTest, what_an_instant_cannot_hold_is_its_end) {
  constexpr Instant kLast{9'000'000'000s};
  for (const char* text : {"9223372036854775807", "9999-01-01T00:00:00Z", "9999-01-01"})
    EXPECT_EQ(parse_moment(text, kNow), kLast) << text;
  for (const char* text : {"-9223372036854775808", "0001-01-01T00:00:00Z", "0001-01-01"})
    EXPECT_EQ(parse_moment(text, kNow), Instant(-9'000'000'000s)) << text;
  EXPECT_FALSE(parse_moment("9223372036854775808", kNow));
  EXPECT_FALSE(parse_moment("-2555555h", Instant(std::chrono::nanoseconds(std::numeric_limits<std::int64_t>::max()))));
}

TEST(CalendarTime, keeps_years_that_an_instant_cannot_hold) {
  const auto far = parse_calendar_time("9999-01-01T00:00:00.5Z");
  ASSERT_TRUE(far);
  EXPECT_EQ(far->unix_s, 253'370'764'800);
  EXPECT_EQ(far->nanos, 500'000'000);
  EXPECT_EQ(parse_calendar_time("0001-01-01T00:00:00Z")->unix_s, -62'135'596'800);
}

TEST(CalendarTime, takes_the_zone_of_the_process_where_none_is_given) {
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  EXPECT_EQ(parse_calendar_time("1970-01-02")->unix_s, 82'800);
  EXPECT_EQ(parse_calendar_time("2024-07-01T02:00:00")->unix_s, 1'719'792'000);  // summer
  EXPECT_EQ(parse_calendar_time("1970-01-02Z")->unix_s, 86'400);
  ::setenv("TZ", "UTC", 1);
  ::tzset();
}

TEST(ParseRfc3339, ends_where_an_instant_does) {
  EXPECT_TRUE(parse_rfc3339("1678-01-01T00:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("2261-12-31T23:59:60.999999999-99:59"));
  for (const char* text : {"0001-01-01T00:00:00Z", "1677-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "9999-12-31T23:59:59Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

}  // namespace
}  // namespace wherry
