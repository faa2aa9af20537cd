#include "engine/filters.h"

#include <gtest/gtest.h>

#include <array>

namespace wherry::engine {
namespace {

TEST(Filters, an_unknown_key_is_named) {
  constexpr std::array<std::string_view, 2> known = {"id", "name"};
  EXPECT_TRUE(check_filter_keys({{"id", {"x"}}}, known));
  const auto checked = check_filter_keys({{"nonsense", {"x"}}}, known);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message(), "invalid filter 'nonsense'");
  EXPECT_EQ(checked.error().kind(), ErrorKind::InvalidArgument);
}

TEST(Filters, an_absent_filter_lets_everything_through) {
  EXPECT_TRUE(matches_exactly({}, "id", "x"));
  EXPECT_TRUE(matches_pattern({}, "name", "x"));
  EXPECT_TRUE(matches_labels({}, "label", {}));
}

TEST(Filters, every_label_must_hold) {
  const std::map<std::string, std::string> labels = {{"a", "1"}, {"b", ""}};
  EXPECT_TRUE(matches_labels({{"label", {"a", "b="}}}, "label", labels));
  EXPECT_TRUE(matches_labels({{"label", {"a=1"}}}, "label", labels));
  EXPECT_FALSE(matches_labels({{"label", {"a=1", "a=2"}}}, "label", labels));
  EXPECT_FALSE(matches_labels({{"label", {"c"}}}, "label", labels));
}

TEST(Filters, a_name_is_a_pattern_that_may_match_anywhere) {
  EXPECT_TRUE(matches_pattern({{"name", {"eb"}}}, "name", "/web-1"));
  EXPECT_TRUE(matches_pattern({{"name", {"^/web-[0-9]$"}}}, "name", "/web-1"));
  EXPECT_FALSE(matches_pattern({{"name", {"^web$"}}}, "name", "/web-1"));
}

TEST(Filters, a_pattern_that_does_not_compile_is_text) {
  EXPECT_FALSE(matches_pattern({{"name", {"(("}}}, "name", "web"));
  EXPECT_TRUE(matches_pattern({{"name", {"(("}}}, "name", "(("));
}

TEST(Filters, a_pattern_cannot_take_for_ever) {
  const std::string text(2000, 'a');
  EXPECT_FALSE(matches_pattern({{"name", {"(a*)*b"}}}, "name", text));
}

TEST(Filters, booleans_are_true_false_1_0_and_nothing_else) {
  EXPECT_TRUE(boolean_filter({{"dangling", {"true"}}}, "dangling", false).value());
  EXPECT_FALSE(boolean_filter({{"dangling", {"0"}}}, "dangling", true).value());
  EXPECT_TRUE(boolean_filter({}, "dangling", true).value());
  EXPECT_FALSE(boolean_filter({{"dangling", {"maybe"}}}, "dangling", true));
  EXPECT_FALSE(boolean_filter({{"dangling", {"true", "false"}}}, "dangling", true));
}

}  // namespace
}  // namespace wherry::engine
