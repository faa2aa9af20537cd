#include "image/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace wherry::image {
namespace {

TEST(Glob, matches_as_gos_path_match) {
  EXPECT_TRUE(matches_glob("alpine", "alpine"));
  EXPECT_TRUE(matches_glob("alp*", "alpine"));
  EXPECT_TRUE(matches_glob("*", "alpine:3"));
  EXPECT_TRUE(matches_glob("*/*", "foo/bar"));
  EXPECT_TRUE(matches_glob("a?pine", "alpine"));
  EXPECT_TRUE(matches_glob("[a-c]lpine:[^0-2]*", "alpine:3.1"));
  EXPECT_TRUE(matches_glob("a\\*b", "a*b"));
  EXPECT_FALSE(matches_glob("*", "foo/bar"));
  EXPECT_FALSE(matches_glob("alp", "alpine"));
  EXPECT_FALSE(matches_glob("alpine?", "alpine"));
  EXPECT_FALSE(matches_glob("a?b", "a/b"));
  EXPECT_FALSE(matches_glob("", "a"));
  EXPECT_TRUE(matches_glob("", ""));
  EXPECT_TRUE(matches_glob("a*b*c", "aXbXbYc"));
}

TEST(Glob, takes_linear_time_on_hostile_patterns) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  EXPECT_FALSE(matches_glob(pattern + "b", std::string(5000, 'a')));
}

TEST(Glob, knows_malformed_patterns) {
  for (const char* good : {"", "a", "[a]", "[^a-z]x", "\\[", "*?"}) EXPECT_TRUE(is_valid_glob(good));
  for (const char* bad : {"[", "[]", "[a", "[a-", "a\\"}) EXPECT_FALSE(is_valid_glob(bad)) << bad;
}

}  // namespace
}  // namespace wherry::image
