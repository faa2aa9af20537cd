#include <gtest/gtest.h>

#include <cerrno>

#include "base/guarded.h"
#include "base/id.h"
#include "base/result.h"
#include "base/strings.h"
#include "base/time.h"
#include "base/undo.h"

namespace wherry {
namespace {

using namespace std::chrono_literals;

Result<int> half(int number) {
  if (number % 2 != 0) return Error::invalid("odd");
  return number / 2;
}

Result<int> quarter(int number) { return TRY(half(TRY_AS("first half", half(number)))); }

TEST(Result, try_returns_the_value_or_the_error) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message(), "odd");
  EXPECT_EQ(quarter(5).error().message(), "first half: odd");
}

TEST(Result, errno_decides_the_kind) {
  EXPECT_EQ(Error::from_errno(ENOENT, "open x").kind(), ErrorKind::NotFound);
  EXPECT_EQ(Error::from_errno(ENOSPC, "write").kind(), ErrorKind::NoSpace);
  EXPECT_EQ(Error::from_errno(EPERM, "mount").kind(), ErrorKind::Internal);
  EXPECT_EQ(Error::from_errno(ENOENT, "open x").message(), "open x: no such file or directory");
}

TEST(Undo, runs_newest_first_unless_committed) {
  std::string order;
  {
    Undo undo;
    undo.add([&] { order += 'a'; });
    undo.add([&] { order += 'b'; });
  }
  EXPECT_EQ(order, "ba");
  {
    Undo undo;
    undo.add([&] { order += 'c'; });
    undo.commit();
  }
  EXPECT_EQ(order, "ba");
}

TEST(Guarded, gives_access_to_its_value) {
  Guarded<int> number(3);
  *number.lock() += 4;
  EXPECT_EQ(*number.lock(), 7);
}

TEST(Strings, split_keeps_empty_pieces) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Strings, cut_splits_once) {
  EXPECT_EQ(cut("a=b=c", '=')->after, "b=c");
  EXPECT_FALSE(cut("abc", '='));
}

TEST(Strings, trim_takes_blanks_from_both_ends) {
  EXPECT_EQ(trim(" \ta b\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(Strings, numbers_must_fill_the_whole_string) {
  EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(parse_u64("18446744073709551616"));
  EXPECT_FALSE(parse_u64("-1"));
  EXPECT_FALSE(parse_u64(" 1"));
  EXPECT_FALSE(parse_u64(""));
  EXPECT_EQ(parse_i64("-5"), -5);
}

TEST(Strings, quote_escapes_as_go_does) { EXPECT_EQ(quote("a\"\\\n\x01"), R"("a\"\\\n\x01")"); }

TEST(Strings, edit_distance_counts_single_changes) {
  EXPECT_EQ(edit_distance("pul", "pull"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
}

TEST(Strings, random_hex_is_random) {
  EXPECT_EQ(random_hex(32).size(), 64U);
  EXPECT_NE(random_hex(32), random_hex(32));
}

TEST(Id, short_form_is_twelve_characters) {
  EXPECT_EQ(ContainerId(std::string(64, 'a')).short_form(), std::string(12, 'a'));
}

TEST(Time, formats_as_rfc3339_nano) {
  const Instant instant{1700000000s + 120ms};
  EXPECT_EQ(format_rfc3339_nano(instant), "2023-11-14T22:13:20.12Z");
  EXPECT_EQ(format_rfc3339_fixed(instant), "2023-11-14T22:13:20.120000000Z");
  EXPECT_EQ(format_rfc3339_nano(Instant{0s}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339_nano(std::optional<Instant>{}), "0001-01-01T00:00:00Z");
}

TEST(Time, parses_what_it_formats_and_offsets) {
  const Instant instant{1700000000s + 123456789ns};
  EXPECT_EQ(parse_rfc3339(format_rfc3339_nano(instant)), instant);
  EXPECT_EQ(parse_rfc3339("2023-11-15T00:13:20+02:00"), Instant{1700000000s});
  EXPECT_FALSE(parse_rfc3339("2023-02-30T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2023-11-14"));
}

TEST(Time, parses_unix_time_with_a_fraction) {
  EXPECT_EQ(parse_unix_time("1700000000.000000001"), (Instant{1700000000s + 1ns}));
  EXPECT_FALSE(parse_unix_time("1700000000."));
  EXPECT_FALSE(parse_unix_time("x"));
}

}  // namespace
}  // namespace wherry
