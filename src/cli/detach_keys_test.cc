#include "cli/detach_keys.h"

#include <gtest/gtest.h>

namespace wherry::cli {
namespace {

TEST(ParseDetachKeys, knows_controls_and_letters) {
  EXPECT_EQ(*parse_detach_keys(""), "\x10\x11");
  EXPECT_EQ(*parse_detach_keys("ctrl-p,ctrl-q"), "\x10\x11");
  EXPECT_EQ(*parse_detach_keys("ctrl-a,x"), "\x01x");
  EXPECT_EQ(*parse_detach_keys("ctrl-[,ctrl-_"), "\x1b\x1f");
  EXPECT_EQ(*parse_detach_keys("ctrl-@"), std::string(1, '\0'));
  EXPECT_EQ(parse_detach_keys("foo").error().message(), "Unknown character: 'foo'");
  EXPECT_FALSE(parse_detach_keys("ctrl-"));
}

TEST(DetachScanner, passes_on_what_is_no_key) {
  DetachScanner scanner("\x10\x11");
  EXPECT_EQ(scanner.scan("hello").pass, "hello");
}

TEST(DetachScanner, finds_the_keys_across_pieces) {
  DetachScanner scanner("\x10\x11");
  const auto first = scanner.scan("ab\x10");
  EXPECT_EQ(first.pass, "ab");
  EXPECT_FALSE(first.detached);
  EXPECT_TRUE(scanner.scan("\x11").detached);
}

TEST(DetachScanner, gives_back_what_it_held_when_the_keys_break_off) {
  DetachScanner scanner("\x10\x11");
  EXPECT_EQ(scanner.scan("\x10").pass, "");
  EXPECT_EQ(scanner.scan("x").pass, "\x10x");
  EXPECT_EQ(scanner.scan("\x10\x10").pass, "\x10");
  EXPECT_TRUE(scanner.scan("\x11").detached);
}

TEST(DetachScanner, without_keys_passes_everything_on) {
  DetachScanner scanner("");
  EXPECT_EQ(scanner.scan("\x10\x11").pass, "\x10\x11");
}

}  // namespace
}  // namespace wherry::cli
