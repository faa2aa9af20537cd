#include "engine/names.h"

#include <gtest/gtest.h>

#include <set>

namespace wherry::engine {
namespace {

TEST(Names, dockers_grammar_is_accepted_with_and_without_the_slash) {
  EXPECT_EQ(checked_name("/web-1").value(), "web-1");
  EXPECT_EQ(checked_name("A0_.-").value(), "A0_.-");
}

TEST(Names, anything_else_is_refused_with_dockers_sentence) {
  for (const char* bad : {"", "/", "a", "-a", "_a", "a b", "a/b", "//ab", "\xc3\xa4x", "a:b"}) {
    const auto checked = checked_name(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().kind(), ErrorKind::InvalidArgument);
    EXPECT_EQ(checked.error().message(),
              "Invalid container name (" + std::string(bad) +
                  "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  }
}

TEST(Names, generated_ones_follow_the_grammar_and_avoid_taken_ones) {
  std::set<std::string> used;
  for (int i = 0; i < 6000; ++i) {
    const std::string name = generated_name([&](const auto& n) { return used.contains(n); });
    EXPECT_TRUE(checked_name(name)) << name;
    EXPECT_TRUE(used.insert(name).second);
  }
}

}  // namespace
}  // namespace wherry::engine
