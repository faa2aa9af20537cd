#include "cli/natural_order.h"

#include <gtest/gtest.h>

namespace wherry::cli {
namespace {

TEST(NaturalOrder, numbers_count_as_numbers) {
  EXPECT_TRUE(natural_less("a2", "a10"));
  EXPECT_FALSE(natural_less("a10", "a2"));
  EXPECT_TRUE(natural_less("a", "a1"));
  EXPECT_TRUE(natural_less("a1b", "a1c"));
  EXPECT_TRUE(natural_less("a01", "a1"));
  EXPECT_FALSE(natural_less("a1", "a01"));
  EXPECT_FALSE(natural_less("same", "same"));
}

}  // namespace
}  // namespace wherry::cli
