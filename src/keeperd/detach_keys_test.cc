#include "keeperd/detach_keys.h"

#include <gtest/gtest.h>

namespace wherry::keeperd {
namespace {

struct Outcome {
  std::string forward;
  bool detached = false;
  bool operator==(const Outcome&) const = default;
};

// Everything at once, and byte by byte, must be the same.
Outcome typed(const std::string& keys, const std::string& text) {
  Outcome whole;
  DetachKeys at_once(keys);
  whole.detached = at_once.scan(text, whole.forward);
  if (!whole.detached) whole.forward += at_once.take_held();

  Outcome pieces;
  DetachKeys slowly(keys);
  for (const char c : text)
    if (!pieces.detached) pieces.detached = slowly.scan({&c, 1}, pieces.forward);
  if (!pieces.detached) pieces.forward += slowly.take_held();
  EXPECT_EQ(whole.forward, pieces.forward);
  EXPECT_EQ(whole.detached, pieces.detached);
  return whole;
}

TEST(DetachKeys, the_sequence_detaches_and_is_not_forwarded) {
  EXPECT_EQ(typed("\x10\x11", "ab\x10\x11" "cd"), (Outcome{"ab", true}));
}

TEST(DetachKeys, a_partial_match_is_replayed) {
  EXPECT_EQ(typed("\x10\x11", "a\x10" "b"), (Outcome{"a\x10" "b", false}));
  EXPECT_EQ(typed("\x10\x11", "a\x10"), (Outcome{"a\x10", false}));
}

TEST(DetachKeys, the_byte_that_breaks_a_match_may_begin_the_next) {
  EXPECT_EQ(typed("\x10\x11", "\x10\x10\x11"), (Outcome{"\x10", true}));
  EXPECT_EQ(typed("aab", "aaab"), (Outcome{"a", true}));
  EXPECT_EQ(typed("abac", "ababac"), (Outcome{"ab", true}));
}

TEST(DetachKeys, a_partial_match_is_held_back) {
  DetachKeys keys("\x10\x11");
  std::string forward;
  EXPECT_FALSE(keys.scan("x\x10", forward));
  EXPECT_EQ(forward, "x");
}

TEST(DetachKeys, no_keys_find_nothing) {
  EXPECT_EQ(typed("", "\x10\x11"), (Outcome{"\x10\x11", false}));
}

}  // namespace
}  // namespace wherry::keeperd
