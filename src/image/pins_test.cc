#include "image/pins.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace wherry::image {
namespace {

Digest digest(char fill) { return *Digest::from_hex(std::string(64, fill)); }

TEST(Pins, keep_what_is_held_from_being_retired) {
  const auto pins = std::make_shared<Pins>();
  auto first = pins->hold({digest('a')});
  auto second = pins->hold({digest('a'), digest('b')});
  EXPECT_FALSE(pins->begin_retire(digest('a')));
  first.reset();
  EXPECT_FALSE(pins->begin_retire(digest('a')));
  second.reset();
  EXPECT_TRUE(pins->begin_retire(digest('a')));
  pins->end_retire(digest('a'));
}

TEST(Pins, let_one_collector_retire_a_digest) {
  const auto pins = std::make_shared<Pins>();
  EXPECT_TRUE(pins->begin_retire(digest('a')));
  EXPECT_FALSE(pins->begin_retire(digest('a')));
  pins->end_retire(digest('a'));
}

TEST(Pins, make_a_holder_wait_for_the_end_of_a_retirement) {
  const auto pins = std::make_shared<Pins>();
  ASSERT_TRUE(pins->begin_retire(digest('a')));
  std::atomic<bool> ended = false;
  std::thread holder([&] {
    const auto hold = pins->hold({digest('a')});
    EXPECT_TRUE(ended);
  });
  ended = true;
  pins->end_retire(digest('a'));
  holder.join();
}

}  // namespace
}  // namespace wherry::image
